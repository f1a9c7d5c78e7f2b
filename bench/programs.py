"""programs.py: well-known 32-bit programs of Debian in all places: as native processes, in novt, in TCG, from the same files.

All of them run by the loader and the libraries that lie beside them, so nothing is installed and the host's own
libraries play no part.
"""
import os
import re
import subprocess
import tempfile

import guests
import host
import linux_session
import machine
import programs_data
import report
from expect import Failure

LIMIT = 400
MEMORY_MIB = 768
# What the host's processor has and the guests' have not is kept from programs that ask: OpenSSL gets TSC, CMOV, MMX, SSE, SSE2.
OPENSSL_CPU = "0x7808010:0"

# name: command; {P} programs, {D} data, {T} scratch folder, {R} the loader with its libraries. Fixed work, timed from outside.
TIMED = {
    "7z_compress": "{R} {P}/bin/7zz a -txz -mx=2 -mmt1 -so dummy {D}/text",
    "xz_compress": "{R} {P}/bin/xz -T1 -2 -c {D}/text",
    "xz_decompress": "{R} {P}/bin/xz -T1 -dc {D}/text.xz",
    "bzip2": "{R} {P}/bin/bzip2 -c {D}/text",
    "gzip": "{R} {P}/bin/gzip -6nc {D}/text",
    "sqlite3": "{R} {P}/bin/sqlite3 -batch -init {D}/work.sql :memory: .exit",
    "python3": "{R} {P}/bin/python3.11 -S -E {D}/work.py",
    "perl": "{R} {P}/bin/perl {D}/work.pl {D}/text",
    "gcc_cc1_O2": "{R} {P}/bin/cc1 -quiet -fpreprocessed -O2 {D}/big.c -o -",
    "busybox_sort": "{P}/bin/busybox sort {D}/text",
}
# Not the same work every time but a rate that the program reports: command, pattern of the rate.
RATED = {
    "openssl_sha256": ("{R} {P}/bin/openssl speed -seconds 1 -bytes 8192 -mr sha256", r"\+F:\d+:sha256:([\d.]+)"),
    "openssl_aes": ("{R} {P}/bin/openssl speed -seconds 1 -bytes 8192 -mr aes-256-cbc", r"\+F:\d+:aes-256-cbc:([\d.]+)"),
}
SLOW_RATED = {"7z_benchmark": ("{R} {P}/bin/7zz b 1 -mmt1 -md18 -mm=LZMA:x1", r"Tot:\s+\d+\s+\d+\s+(\d+)")}
# Work of processes and files more than of user code: belongs to the kernel table.
KERNEL = {"build_untar_compile": "{P}/bin/busybox sh {D}/build.sh {P} {D} {T}"}
QUICK = ("7z_compress", "xz_decompress", "bzip2", "gzip", "sqlite3", "python3", "perl", "gcc_cc1_O2", "openssl_sha256",
         "build_untar_compile")


def expand(command, programs, data, scratch):
    loader = f"{programs}/lib/ld-linux.so.2 --library-path {programs}/lib"
    return command.format(R=loader, P=programs, D=data, T=scratch)


# ---- Places ----

class Native:
    def __init__(self, bench, programs, data, scratch):
        self.bench, self.folders = bench, (programs, data, scratch)
        self.env = {**os.environ, "OPENSSL_ia32cap": OPENSSL_CPU, "PYTHONHASHSEED": "0", "LC_ALL": "C"}

    def shell(self, line):
        return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=LIMIT, env=self.env,
                              stdin=subprocess.DEVNULL).stdout

    def timed(self, command, ms):
        return self.shell(f"{self.bench} exec {ms} {expand(command, *self.folders)} 2>/dev/null"), None

    def rated(self, command):
        return self.shell(expand(command, *self.folders) + " 2>/dev/null")


class Guest:
    def __init__(self, booted):
        self.machine = booted
        booted.child.command(f"export OPENSSL_ia32cap={OPENSSL_CPU} PYTHONHASHSEED=0 LC_ALL=C", linux_session.PROMPT)
        self.folders = ("/prog", "/prog/data", "/tmp/build")

    def shell(self, line):
        return self.machine.child.command(line + " 2>/dev/null < /dev/null", linux_session.PROMPT, LIMIT)

    def timed(self, command, ms):
        before = host.cpu_seconds(self.machine.pid)
        out = self.shell(f"bench exec {ms} {expand(command, *self.folders)}")
        return out, host.cpu_seconds(self.machine.pid) - before

    def rated(self, command):
        return self.shell(expand(command, *self.folders))


def run_timed(place, command, ms):
    out, host_cpu = place.timed(command, ms)
    result = guests.parse("exec", out)
    return {**result, "host_cpu": host_cpu / result["reps"] if host_cpu is not None else result["cpu"]}


def run_rated(place, command, pattern):
    out = place.rated(command)
    match = re.search(pattern, out)
    if not match:
        raise Failure(f"no rate {pattern!r} of {command} in:\n{out}")
    seconds = 1 / float(match[1])
    return {"best": seconds, "first": seconds, "mean": seconds, "cpu": seconds, "host_cpu": seconds, "reps": 1, "checksum": "rate"}


# ---- Files ----

def prepare(out, guest_files):
    """The data, and the RAM disk: base, the program bench, programs, data."""
    programs = os.path.join(guest_files, "programs")
    if not os.path.exists(os.path.join(programs, ".done")):
        raise Failure(f"no {programs}: run scripts/guests bench-programs")
    data = os.path.join(out, "data", "prog", "data")
    programs_data.make(data)
    native = Native("", os.path.join(programs, "prog"), data, "")
    subprocess.run(expand("{R} {P}/bin/xz -2 -kf {D}/text", *native.folders), shell=True, check=True)
    return programs, data


def build_initrd(out, base, programs):
    path = os.path.join(out, "initramfs.programs")
    with open(path, "wb") as initrd:
        with open(base, "rb") as first:
            initrd.write(first.read())
        for folder in (programs, os.path.join(out, "data")):
            initrd.write(b"\0" * (-initrd.tell() % 4))
            names = subprocess.run(["find", "prog"], cwd=folder, capture_output=True, check=True).stdout
            initrd.write(subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], input=names, stdout=subprocess.PIPE,
                                        cwd=folder, check=True).stdout)
    return path


# ---- Rows ----

def rows():
    """(name, group, run) of each."""
    for name, command in TIMED.items():
        yield name, "programs", lambda place, ms, c=command: run_timed(place, c, ms)
    for name, (command, pattern) in (RATED | SLOW_RATED).items():
        yield name, "programs", lambda place, ms, c=command, p=pattern: run_rated(place, c, p)
    for name, command in KERNEL.items():
        yield name, "kernel", lambda place, ms, c=command: run_timed(place, c, ms)


def measure(bench, starter, base, out, guest_files, args, say):
    programs, data = prepare(out, guest_files)
    initrd = build_initrd(out, base, programs)
    starts = starter.with_initrd(initrd, MEMORY_MIB)
    machines = machine.boot_all(starts, say)
    results = []
    try:
        with tempfile.TemporaryDirectory() as scratch:
            native = Native(bench, os.path.join(programs, "prog"), data, os.path.join(scratch, "build"))
            places = {"native": native} | {system: Guest(m) for system, m in machines.items()}
            for name, group, run in rows():
                if args.quick and name not in QUICK:
                    continue
                rounds = 1 if name in SLOW_RATED else args.rounds
                taken = [{s: run(place, args.milliseconds) for s, place in places.items()} for _ in range(rounds)]
                results.append(report.summarize(name, group, taken))
                say(report.one_line(results[-1]))
    finally:
        machine.close_all(machines)
    return results
