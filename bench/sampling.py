"""sampling.py: where novt's vCPU thread spends its time, by sampling: translated code, translator, callouts, paging, devices, kernel.

Samples come from perf_event_open (the software clock), so nothing of novt is stopped or changed. Without the right to do
that there is no profile.
"""
import bisect
import collections
import ctypes
import glob
import mmap
import os
import re
import struct
import subprocess

import guests
import linux_session
import programs
import report

HERTZ = 2000
RING_PAGES = 256
PAGE = 4096
SYS_PERF_EVENT_OPEN = 298
SOFTWARE, CPU_CLOCK = 1, 0
SAMPLE_IP, RECORD_SAMPLE = 1, 9
FLAG_FREQ = 1 << 10
KERNEL_HALF = 1 << 63
HEAD_AT = 1024  # data_head and data_tail in struct perf_event_mmap_page

SHARES = ("translated code", "translator", "engine", "callouts", "paging", "devices", "host kernel", "other")
# Files of the rooms bt and decoder that translate; the rest of it finds, chains and ends blocks.
TRANSLATING = re.compile(r"^(translate|emit_|asm|decoder|classify|features|flags|mnemonics)")
ROOMS = {"decoder": "translator", "bt": "engine", "monitor": "callouts", "shadowmmu": "paging", "devemu": "devices"}


class Sampler:
    """A ring of instruction addresses of one thread."""

    def __init__(self, tid):
        attr = struct.pack("<IIQQQQQIIQQ", SOFTWARE, 72, CPU_CLOCK, HERTZ, SAMPLE_IP, 0, FLAG_FREQ, 0, 0, 0, 0)
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.syscall(SYS_PERF_EVENT_OPEN, attr, tid, -1, -1, 0)
        if self.fd < 0:
            raise PermissionError(ctypes.get_errno(), "perf_event_open")
        self.ring = mmap.mmap(self.fd, (RING_PAGES + 1) * PAGE)
        self.counts = collections.Counter()

    def drain(self):
        size = RING_PAGES * PAGE
        head, tail = struct.unpack_from("<QQ", self.ring, HEAD_AT)
        if head - tail > size:
            tail = head
        while tail < head:
            at = PAGE + tail % size
            kind, _, length = struct.unpack_from("<IHH", self.ring, at)
            if kind == RECORD_SAMPLE:
                self.counts[struct.unpack_from("<Q", self.ring, PAGE + (tail + 8) % size)[0]] += 1
            tail += length
        struct.pack_into("<Q", self.ring, HEAD_AT + 8, tail)

    def close(self):
        self.drain()
        self.ring.close()
        os.close(self.fd)
        return self.counts


# ---- From an address to a share ----

def share_of_object(room, name):
    return "translator" if TRANSLATING.match(name) and room in ("bt", "decoder") else ROOMS[room]


def symbol_shares():
    """{function: share} by the file that defines it; where link-time optimization left its libraries no names, the source still has them."""
    out = {}
    for room in ROOMS:
        for path in glob.glob(os.path.join(guests.ROOT, room, "*.c")):
            with open(path) as source:
                for match in re.finditer(r"^[a-z][^;={}()#]*?\b(\w+)\([^;]*?\)\s*\{", source.read(), re.M):
                    out.setdefault(match[1], share_of_object(room, os.path.basename(path)))
    return out


class Addresses:
    """The functions of a program that runs as pid."""

    def __init__(self, pid):
        self.path = os.readlink(f"/proc/{pid}/exe")
        with open(f"/proc/{pid}/maps") as maps:
            self.maps = [(int(m[1], 16), int(m[2], 16), m[3], m[4].strip())
                         for m in (re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+(.*)", line) for line in maps)]
        self.base = min(start for start, _, _, name in self.maps if name == self.path)
        self.shares = symbol_shares()
        listing = subprocess.run(["nm", "-n", self.path], capture_output=True, text=True).stdout
        self.symbols = [(int(m[1], 16), m[2]) for m in re.finditer(r"^([0-9a-f]+) [tT] (\S+)", listing, re.M)]
        self.starts = [address for address, _ in self.symbols]

    def share(self, ip):
        if ip >= KERNEL_HALF:
            return "host kernel"
        for start, end, flags, name in self.maps:
            if start <= ip < end:
                if name == self.path:
                    i = bisect.bisect_right(self.starts, ip - self.base) - 1
                    # The compiler puts a dot behind the names of its variants.
                    return self.shares.get(self.symbols[i][1].split(".")[0], "other")
                if "libZydis" in name:
                    return "translator"
                return "other" if name.startswith("/") or "x" not in flags else "translated code"
        return "translated code"  # mapped since


def summarize(counts, addresses):
    shares = collections.Counter()
    for ip, n in counts.items():
        shares[addresses.share(ip)] += n
    total = sum(shares.values())
    return {"samples": total, "shares": {s: shares[s] / total if total else 0 for s in SHARES}}


# ---- Workloads ----

def workloads():
    """(name, line at the guest's shell)"""
    for name in ("fib", "fork_exec_wait", "pipe_ping_pong", "getpid_sysenter", "fault_anon"):
        yield name, f"bench -t 1500 {name}"
    for name in ("python3", "gcc_cc1_O2"):
        yield name, "bench exec 1500 " + programs.expand(programs.TIMED[name], "/prog", "/prog/data", "/tmp/build")
    build = programs.expand(programs.KERNEL["build_untar_compile"], "/prog", "/prog/data", "/tmp/build")
    yield "build_untar_compile", "bench exec 1500 " + build


def profile(booted, line):
    sampler = Sampler(booted.pid)
    try:
        booted.child.send(line + " 2>/dev/null < /dev/null; echo workload=done\n")
        while not re.search(r"^workload=done", booted.child.text[booted.child.mark:], re.M):
            if not booted.child.read(0.05):
                booted.child.fail("the guest ended")
            sampler.drain()
        booted.child.expect(linux_session.PROMPT)
        addresses = Addresses(booted.pid)
    finally:
        counts = sampler.close()
    return summarize(counts, addresses)


def measure(starter, base, out, guest_files, say):
    tree, _ = programs.prepare(out, guest_files)
    booted = starter.with_initrd(programs.build_initrd(out, base, tree), programs.MEMORY_MIB)["novt"]()
    try:
        rows = [{"name": name, **profile(booted, line)} for name, line in workloads()]
    except PermissionError as error:
        say(f"no profile: {error}")
        return []
    finally:
        booted.close()
    say(f"profiles: {len(rows)}")
    return rows


def table(rows):
    return report.table(["share of the vCPU thread's time", *SHARES, "samples"],
                        [[r["name"], *(f"{r['shares'][s]:.0%}" for s in SHARES), str(r["samples"])] for r in rows])
