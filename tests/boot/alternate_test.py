#!/usr/bin/env python3
"""alternate_test.py NOVT GUESTS: one disk image goes to and fro between novt and QEMU, and loses nothing when novt is killed.

Linux on either program checks what the others wrote and adds a file; in between e2fsck and qemu-img look at the image.
Skips (77) without the guest.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ext4_image  # noqa: E402
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = linux_session.PROMPT
# Interface: the modules, the device, and QEMU's name of it.
INTERFACES = {"ide": ("ata_piix,sd_mod,ext4", "/dev/sda"), "virtio": ("virtio_pci,virtio_blk,ext4", "/dev/vda")}


class Disk:
    def __init__(self, guests, image, fmt, interface):
        self.guests, self.image, self.fmt, self.interface = guests, image, fmt, interface
        self.modules, self.device = INTERFACES[interface]

    def linux(self, dash):
        return [f"{dash}kernel", os.path.join(self.guests, "vmlinuz-686"), f"{dash}initrd",
                os.path.join(self.guests, "initramfs-modules.gz"), f"{dash}append", f"console=ttyS0 novt.modules={self.modules}"]

    def novt(self, program):
        return [program, "run", "--memory", "128M", "--disk", f"{self.image},format={self.fmt},bus={self.interface}", *self.linux("--")]

    def qemu(self):
        return ["qemu-system-i386", "-accel", "tcg", "-m", "128", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
                "-drive", f"file={self.image},format={self.fmt},if={self.interface}", *self.linux("-")]

    def check_image(self, killed=False):
        """e2fsck reads raw images only."""
        if self.fmt == "raw":
            raw = self.image
        else:
            ext4_image.sound(self.image, (0, 3) if killed else (0,))
            raw = self.image + ".raw"
            ext4_image.convert(self.image, raw, "raw")
        if killed:
            ext4_image.recoverable(raw)
        else:
            ext4_image.clean(raw)


def mount(child, disk):
    child.command(f"mkdir -p /d; mount -t ext4 {disk.device} /d && cd /d", PROMPT)


def turn(argv, disk, name, before):
    """One guest: all files of the turns before are right; one more is written."""
    with Child(argv) as child:
        linux_session.boot(child)
        mount(child, disk)
        out = child.command("md5sum -c sums; echo files=$(ls f-* | wc -l)", PROMPT)
        check(out.count(": OK") == before and f"files={before}" in out and "FAILED" not in out, f"{name} finds {before} files whole", child)
        child.command(f"head -c 3000000 /dev/urandom > f-{name} && md5sum f-{name} >> sums; cd /; umount /d", PROMPT)
        linux_session.poweroff(child)


def killed_turn(argv, disk):
    """Killed while it writes: what sync has acknowledged must be there afterwards."""
    with Child(argv) as child:
        linux_session.boot(child)
        mount(child, disk)
        child.send("for i in 1 2 3 4 5 6 7 8 9; do head -c 2000000 /dev/urandom > k-$i; md5sum k-$i >> k-sums; sync; echo wrote-$i; done\n")
        child.expect(r"^wrote-4")


def after_kill(argv, disk):
    with Child(argv) as child:
        linux_session.boot(child)
        mount(child, disk)
        out = child.command("head -4 k-sums | md5sum -c; cd /; umount /d", PROMPT)
        check(out.count(": OK") == 4, "all that sync acknowledged is there after a kill", child)
        linux_session.poweroff(child)


def run(novt, disk):
    print(f"-- {disk.fmt} on {disk.interface}", flush=True)
    turns = [("novt-1", disk.novt(novt)), ("qemu-1", disk.qemu()), ("novt-2", disk.novt(novt)), ("qemu-2", disk.qemu())]
    for before, (name, argv) in enumerate(turns):
        turn(argv, disk, name, before)
        disk.check_image()
    killed_turn(disk.novt(novt), disk)
    disk.check_image(killed=True)
    after_kill(disk.novt(novt), disk)
    disk.check_image()


def main():
    novt, guests = sys.argv[1:]
    linux_session.need_modules(guests)
    with tempfile.TemporaryDirectory() as d:
        raw, qcow2 = f"{d}/disk.raw", f"{d}/disk.qcow2"
        ext4_image.make(raw, 96)
        ext4_image.convert(raw, qcow2, "qcow2")
        run(novt, Disk(guests, raw, "raw", "ide"))
        run(novt, Disk(guests, qcow2, "qcow2", "virtio"))
    return 0


sys.exit(main())
