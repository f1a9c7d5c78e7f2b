#!/usr/bin/env python3
"""tablet_test.py NOVT GUESTS: Linux drives the USB tablet; where a VNC client points is what its event device says.

Skips (77) without the guest.
"""
import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402
from vnc_client import VncClient  # noqa: E402

EV_KEY, EV_REL, EV_ABS = 1, 2, 3
ABS_X, ABS_Y, REL_WHEEL, BTN_LEFT = 0, 1, 8, 0x110
EVENT_BYTES = 16  # struct input_event of a 32-bit system


def events(child, vnc, point):
    """What the guest's event device reports while `point` plays on the client: a set of (type, code, value)."""
    child.command("rm -f /tmp/ev; cat /dev/input/by-tablet > /tmp/ev & sleep 1", linux_session.PROMPT)
    point(vnc)
    vnc.update(False)  # an answer to this means that what came before was taken
    out = child.command("sleep 1; kill %1; hexdump -v -e '16/1 \"%02x\" \"\\n\"' /tmp/ev", linux_session.PROMPT)
    found = set()
    for line in re.findall(r"^([0-9a-f]{32})\r*$", out, re.M):
        kind, code, value = struct.unpack("<HHi", bytes.fromhex(line)[8:])
        found.add((kind, code, value))
    return found


def pointer(x, y, buttons=0):
    return struct.pack(">BBHH", 5, buttons, x, y)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(novt, guests):
    port = free_port()
    args = [novt, "run", "--memory", "128M", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append",
            "console=ttyS0 novt.modules=uhci-hcd,usbhid,hid-generic,evdev", "--usb", "tablet",
            "--display", f"vnc=127.0.0.1:{port - 5900}"]
    with Child(args) as child:
        linux_session.boot(child)
        session(child, port)


def session(child, port):
    child.command("for i in 1 2 3 4 5 6 7 8 9 10; do grep -l -s 'USB Tablet' /sys/class/input/event*/device/name && break;"
                  " sleep 1; done", linux_session.PROMPT)
    out = child.command("cat /proc/bus/input/devices", linux_session.PROMPT)
    check(re.search(r"Vendor=0627 Product=0001.*\n.*Name=\"novt USB Tablet\"", out), "Linux names the tablet", child)
    child.command("ln -s $(dirname $(dirname $(grep -l 'USB Tablet' /sys/class/input/event*/device/name)) |"
                  " sed s,/sys/class,/dev,) /dev/input/by-tablet; ls -l /dev/input", linux_session.PROMPT)
    vnc = VncClient(port)
    seen = events(child, vnc, lambda v: v.send(pointer(0, 0) + pointer(v.width - 1, v.height - 1)))
    check((EV_ABS, ABS_X, 32767) in seen and (EV_ABS, ABS_Y, 32767) in seen, "the far corner is the far corner", child)
    seen = events(child, vnc, lambda v: v.send(pointer(0, 0) + pointer(0, 0, 1) + pointer(0, 0) + pointer(0, 0, 8)))
    check((EV_ABS, ABS_X, 0) in seen and (EV_ABS, ABS_Y, 0) in seen, "the near corner is the near corner", child)
    check((EV_KEY, BTN_LEFT, 1) in seen and (EV_KEY, BTN_LEFT, 0) in seen, "a click is a press and a release", child)
    check((EV_REL, REL_WHEEL, 1) in seen, "the wheel turns away from the user", child)
    vnc.close()
    linux_session.poweroff(child)


def main():
    novt, guests = sys.argv[1:]
    linux_session.need_modules(guests)
    run(novt, guests)


main()
