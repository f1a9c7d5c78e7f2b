#!/usr/bin/env python3
"""perf_test.py NOVT GUESTS: the perf map names functions of a running kernel, at the addresses the kernel itself gives.

Skips (77) without the guest.
"""
import os
import re
import sys

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


if __name__ == "__main__":
    main()
