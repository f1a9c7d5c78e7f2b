#!/usr/bin/env python3
"""perf_test.py NOVT GUESTS: the perf map names functions of a running kernel, at the addresses the kernel itself gives; where perf
is installed and may look, its report names them, as docs/CONSOLE.md shows.

Skips (77) without the guest.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402


def named(path):
    """Functions by name, and whether each line of the map is as perf reads it."""
    names, good = set(), True
    with open(path) as f:
        for line in f:
            m = re.match(r"[0-9a-f]+ [0-9a-f]+ (\S.*)$", line)
            good &= m is not None
            if m and "+0x" in m.group(1):
                names.add(m.group(1).split("+")[0])
    return names, good


def report(argv):
    """The same under perf: functions of the guest's kernel with the mode of their code are in its report."""
    perf = shutil.which("perf")
    with tempfile.TemporaryDirectory(prefix="novt-perf-") as tmp:
        data, pid = os.path.join(tmp, "perf.data"), os.path.join(tmp, "pid")
        record = [perf, "record", "-q", "-o", data, "-k", "mono", "-e", "cpu-clock", "-F", "499"]
        if not perf or subprocess.run([*record, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode:
            print("skip: perf is not here, or may not look")
            return
        with Child([*record, "sh", "-c", f'echo $$ >{pid}; exec "$@"', "sh", *argv]) as child:
            linux_session.boot(child)
            linux_session.poweroff(child)
        r = subprocess.run([perf, "report", "-i", data, "--no-children", "--stdio"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        with open(pid) as f:
            os.unlink("/tmp/perf-%d.map" % int(f.read()))
    rows = re.findall(r"^ +([0-9.]+)%.*\[JIT\] tid \d+ +\[\.\] (\w+)\+0x[0-9a-f]+ \[ring0\]$", r.stdout, re.M)
    check(len({name for _, name in rows}) > 20, "perf report names functions of the guest: %s" % rows[:3])


def main():
    novt, guests = sys.argv[1:3]
    kernel = os.path.join(guests, "vmlinuz-686")
    if not os.path.exists(kernel):
        sys.exit(77)
    args = [novt, "run", "--memory", "128M", "--net", "none", "--perf", "map", "--kernel", kernel, "--initrd",
            os.path.join(guests, "initramfs.gz"), "--append", "console=ttyS0"]
    with Child(args) as child:
        path = "/tmp/perf-%d.map" % child.pid
        linux_session.boot(child)
        linux_session.poweroff(child)
    names, good = named(path)
    os.unlink(path)
    check(good, "each line of the map has an address, a size and a name", child)
    for name in ("schedule", "do_idle", "start_kernel"):
        check(name in names, "the map names %s" % name, child)
    check(len(names) > 2000, "the map names %d functions" % len(names), child)
    report(args)


if __name__ == "__main__":
    main()
