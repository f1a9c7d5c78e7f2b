#!/usr/bin/env python3
"""mgmt_devices_test.py NOVT: ports, sums and dumps of memory, devices and the PCI bus on the console; sums and the bus agree with
QEMU's where that is there; nothing that could change something happens unasked."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import COUNTER, Machines  # noqa: E402


def bsd_sum(data):
    v = 0
    for b in data:
        v = ((v >> 1 | v << 15) + b) & 0xFFFF
    return v


def ports(q):
    check(q.text("i 0x5555") == "portb[0x5555] = 0xff\n" and q.text("i/w 0x5554") == "portl[0x5554] = 0xffffffff\n", "a port that nobody has")
    for line in "i 0x61", "i/h 0x60", "i/w 0x5e", "o 0x80 1":
        check("might change something (--force does it)" in q.text(line), f"{line}: refused")
    check(re.fullmatch(r"portb\[0x0061\] = 0x[0-9a-f]{2}\n", q.text("i --force 0x61")), "forced")
    q.text("o --force 0x70 0x0f")
    q.text("o --force 0x71 0x5a")
    q.text("o --force 0x70 0x0f")
    check(q.command("x-novt-port-read", port=0x71, force=True) == {"port": 0x71, "value": 0x5A, "size": 1}, "what was written is read")
    for line, expected in (("i 0x10000", "from 0 to 0xffff"), ("i -1", "Error"), ("i/g 0x61", "bad format"), ("o 0x80", "'value' is missing"),
                           ("i", "'port' is missing"), ("i/w --force 0xffff", "portl[0xffff] = 0xffffffff")):
        check(expected in q.text(line), f"{line}: {q.text(line)}")


def memory(machines, q):
    path = os.path.join(machines.run_dir, "dump")
    size = 9000
    q.command("pmemsave", val=0, size=size, filename=path)
    with open(path, "rb") as f:
        data = f.read()
    check(len(data) == size and data.startswith(COUNTER), "pmemsave")
    check(q.text(f"sum 0 {size}") == f"{bsd_sum(data):05d}\n" and q.command("x-novt-sum", address=0, size=size)["sum"] == bsd_sum(data), "sum")
    q.command("memsave", val=5, size=10, filename=path, **{"cpu-index": 0})
    with open(path, "rb") as f:
        check(f.read() == data[5:15], "memsave, and the file is emptied first")
    check(q.text(f"memsave 0 16 {path}") == "", "as a line")
    for name, arguments, expected in (
            ("pmemsave", {"val": 0xFEE00000, "size": 4, "filename": path}, "device lapic"),
            ("pmemsave", {"val": 0, "size": 0, "filename": path}, "must be 1 to"),
            ("pmemsave", {"val": 0, "size": (256 << 20) + 1, "filename": path}, "must be 1 to"),
            ("memsave", {"val": -1, "size": 4, "filename": path}, "is not mapped"),
            ("memsave", {"val": 0, "size": 4, "filename": "/nowhere/x"}, "No such file"),
            ("memsave", {"val": 0, "size": 4, "filename": "/dev/null"}, "Invalid argument"),
            ("x-novt-sum", {"address": 0xFEE00000, "size": 4}, "device lapic")):
        got = q.error(name, **arguments)[1]
        check(expected in got, f"{name} {arguments}: {got}")


def devices(q):
    bus = q.command("query-pci")[0]
    found = {(d["slot"], d["function"]): d for d in bus["devices"]}
    check(found[0, 0]["id"]["vendor"] == 0x8086 and found[0, 0]["id"]["device"] == 0x1237, "the host bridge")
    check(found[1, 1]["class_info"] == {"class": 0x0101, "desc": "IDE controller"}, "IDE")
    vga = found[2, 0]
    check(vga["class_info"]["class"] == 0x0300 and vga["regions"][0]["type"] == "memory", "VGA and its memory")
    text = q.text("info pci")
    check("  Bus  0, device   0, function 0:\n    Host bridge: PCI device 8086:1237\n" in text and "BAR0: 32 bit memory" in text, text)
    names = q.command("x-novt-devices")
    check({"lapic", "i8259", "i8254"} <= set(names) and q.text("info qtree").count("dev: ") == len(names), "info qtree")


def main():
    with Machines(sys.argv[1]) as machines:
        machines.start("one")
        q = machines.qmp("one")
        q.command("stop")
        ports(q)
        memory(machines, q)
        devices(q)
        q.command("quit")


if __name__ == "__main__":
    main()
