"""host.py: what the host says about a process: memory beyond guest RAM, CPU time; and about itself."""
import os
import re
import subprocess
import time

GUEST_MEMFD = "memfd:novt-guest-memory"
KIB = 1024


def mappings(pid):
    """(name, size, resident) of each mapping, in bytes."""
    name, size = "", 0
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)", line)
            if head:
                name = head[1]
            elif line.startswith("Size:"):
                size = int(line.split()[1]) * KIB
            elif line.startswith("Rss:"):
                yield name, size, int(line.split()[1]) * KIB


def status_bytes(pid, field):
    with open(f"/proc/{pid}/status") as status:
        match = re.search(rf"^{field}:\s*(\d+) kB", status.read(), re.M)
    return int(match[1]) * KIB if match else 0


def memory_beyond_ram(pid, is_ram):
    """Resident bytes outside guest RAM, and the page tables. Guest RAM may be mapped many times: every mapping that
    is_ram(name, size) accepts is left out as a whole."""
    resident = sum(rss for name, size, rss in mappings(pid) if not is_ram(name, size))
    tables = status_bytes(pid, "VmPTE")
    return {"resident": resident, "page_tables": tables, "total": resident + tables}


def novt_memory(pid):
    return memory_beyond_ram(pid, lambda name, size: GUEST_MEMFD in name)


def tcg_memory(pid, ram):
    """QEMU keeps guest RAM in one anonymous mapping of exactly its size."""
    return memory_beyond_ram(pid, lambda name, size: size == ram and not name)


def cpu_seconds(pid):
    """CPU time of all threads, in the scheduler's own precision."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total * 1e-9


def cpu_shares(pids, seconds):
    """The share of one core that each of the processes uses, all in the same time."""
    before, start = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    return {name: (cpu_seconds(pid) - before[name]) / took for name, pid in pids.items()}


def revision():
    """The commit of this tree, where there is git."""
    try:
        done = subprocess.run(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short=10", "HEAD"],
                              capture_output=True, text=True)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def describe():
    with open("/proc/cpuinfo") as info:
        model = re.search(r"^model name\s*: (.*)$", info.read(), re.M)
    return {"cpu": model[1] if model else "unknown", "cores": os.cpu_count(), "kernel": os.uname().release,
            "load": os.getloadavg()[0], "revision": revision()}
