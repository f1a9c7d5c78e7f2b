#!/usr/bin/env python3
"""mgmt_devices_test.py NOVT: ports, sums and dumps of memory, devices and the PCI bus on the console; sums and the bus agree with
QEMU's where that is there; nothing that could change something happens unasked."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import COUNTER, Machines, Qmp  # noqa: E402


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
    check("  Bus  0, device   0, function 0:\n    Host bridge: PCI device 8086:1237\n" in text and "BAR0: 32 bit prefetchable memory" in text, text)
    names = q.command("x-novt-devices")
    check({"lapic", "i8259", "i8254"} <= set(names) and q.text("info qtree").count("dev: ") == len(names), "info qtree")


def qemu(machines):
    """QEMU's monitor, not started, with the counter's image at 0; None: there is none."""
    program, path = shutil.which("qemu-system-i386"), os.path.join(machines.run_dir, "qemu")
    if not program:
        print("skip: no QEMU")
        return None
    child = subprocess.Popen([program, "-accel", "tcg", "-M", "pc", "-S", "-display", "none", "-vga", "std", "-nodefaults", "-usb", "-device",
                              "usb-tablet", "-device", f"loader,file={machines.counter},addr=0x8000,force-raw=on", "-qmp",
                              f"unix:{path},server=on,wait=off"], stdin=subprocess.DEVNULL)
    machines.children.append(child)
    machines.wait_for(path, child)
    return Qmp(path)


def theirs_of(other, line):
    return other.text(line).replace("\r\n", "\n")


def bus(text):
    """What stands at each place of the bus: name and numbers, pin, kinds of BARs but the ROM's."""
    found = {}
    for part in text.split("  Bus ")[1:]:
        place, name = part.split("\n")[:2]
        found[place] = (name.strip(), re.findall(r"pin (.)", part), re.findall(r"(BAR[0-5]: (?:I/O|32 bit [a-z]*? ?memory))", part))
    return found


def like_qemu(machines):
    other = qemu(machines)
    machines.start("two", "-S", "--usb", "tablet", "--flat-address", "0x8000")
    q = machines.qmp("two")
    check(q.text("info usb") == "  Device 0.0, Port 1, Speed 12 Mb/s, Product USB Tablet\n", q.text("info usb"))
    check(q.text("info memory_size_summary") == f"base memory: {q.command('query-memory-size-summary')['base-memory']}\n", "memory")
    if not other:
        return
    mine, theirs = bus(q.text("info pci")), bus(theirs_of(other, "info pci"))
    for place in mine:
        if "device   2," in place:  # their display adapter has a BAR of registers more
            check(mine[place][0] == theirs[place][0] and mine[place][2][0] == theirs[place][2][0], f"VGA: {mine[place]} {theirs[place]}")
        else:
            check(mine[place] == theirs[place], f"info pci, {place}: {mine[place]}, QEMU has {theirs.get(place)}")
    check(len(mine) >= 5, "the bus is compared")
    for line in f"sum 0x8000 {len(COUNTER)}", "sum 0x8000 16", "sum 0x8001 3", "sum 0x20000 100":
        check(q.text(line) == theirs_of(other, line), f"{line}: {q.text(line)}")
    check(q.text("sum 0x8000 16") != "00000\n", "... of what is not empty")
    check(theirs_of(other, "info memory_size_summary").startswith("base memory: "), "QEMU calls it the same")
    check(re.match(r"  Device 0\.0, Port 1, Speed 12 Mb/s, Product QEMU USB Tablet", other.text("info usb")), other.text("info usb"))
    other.command("quit")
    q.command("quit")


def drives(machines):
    """A boot sector is one read of 512 bytes at least; the counters begin anew with another medium."""
    disk = machines.file("disk.img", b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    machines.start("three", "--disk", f"{disk},format=raw", guest=False)
    q = machines.qmp("three")
    while (n := {d["device"]: d["stats"] for d in q.command("query-blockstats")}["ide0-hd0"])["rd_operations"] == 0:
        pass
    check(n["rd_bytes"] >= 512 and n["wr_bytes"] == n["wr_operations"] == 0, f"query-blockstats: {n}")
    check(re.search(r"^ide0-hd0: rd_bytes=\d+ wr_bytes=0 rd_operations=\d+ wr_operations=0 flush_operations=\d+$", q.text("info blockstats"), re.M),
          q.text("info blockstats"))
    check(re.search(r'^addr=[0f]{9}[0-9a-f]{7} size=0x\w+ mem=rom name="firmware"\npci size=0x\w+ mem=rom name="vgabios"$', q.text("info roms"), re.M),
          q.text("info roms"))
    check(q.text("info usb") == "Error: the machine has no USB\n", "no USB")
    q.command("quit")


def main():
    with Machines(sys.argv[1]) as machines:
        machines.start("one")
        q = machines.qmp("one")
        q.command("stop")
        ports(q)
        memory(machines, q)
        devices(q)
        q.command("quit")
        like_qemu(machines)
        drives(machines)


if __name__ == "__main__":
    main()
