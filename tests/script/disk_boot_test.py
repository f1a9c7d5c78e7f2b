#!/usr/bin/env python3
"""disk_boot_test.py NOVT: the firmware boots from floppy, disk and CD; what the guest writes is in the image, or is not.

Needs nasm and SeaBIOS; skips (77) without.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

DISK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "disk")
FIRMWARE = "/usr/share/seabios/bios-256k.bin"
PASSED = 0x43  # debug exit of 21h
SECTOR, CD_SECTOR = 512, 2048


def assemble(out, *defines):
    subprocess.run(["nasm", "-f", "bin", "-o", out, *("-D" + d for d in defines), os.path.join(DISK, "boot.asm")], check=True)
    return open(out, "rb").read()


def text(words):
    return words.encode() + b"\0"


def image(path, sectors, boot):
    with open(path, "wb") as f:
        f.truncate(sectors * SECTOR)
        f.write(boot)
        f.seek(SECTOR)
        f.write(text("first sector\n"))
        f.seek((sectors - 1) * SECTOR)
        f.write(text("last sector\n"))


def iso(path, boot):
    """The least that El Torito asks for: descriptors at 16, catalog at 19, boot image at 20, text at 21."""
    volume = struct.pack("<B5sBx32s32s", 1, b"CD001", 1, b"", b"NOVT")
    record = struct.pack("<B5sB32s32xI", 0, b"CD001", 1, b"EL TORITO SPECIFICATION", 19)
    head = struct.pack("<BBH24sHBB", 1, 0, 0, b"NOVT", 0, 0x55, 0xAA)
    check = -sum(struct.unpack("<16H", head)) & 0xFFFF
    head = head[:28] + struct.pack("<H", check) + head[30:]
    entry = struct.pack("<BBHBBHI20x", 0x88, 0, 0x7C0, 0, 0, 4, 20)
    with open(path, "wb") as f:
        for at, data in ((16, volume), (17, record), (18, b"\xffCD001\x01"), (19, head + entry), (20, boot),
                         (21, text("disc\n"))):
            f.seek(at * CD_SECTOR)
            f.write(data)
        f.truncate(32 * CD_SECTOR)


class Test:
    def __init__(self, novt, tmp):
        self.novt, self.tmp, self.failures = novt, tmp, 0

    def path(self, name):
        return os.path.join(self.tmp, name)

    def report(self, good, what):
        print("ok  " if good else "FAIL", what, flush=True)
        self.failures += not good

    def run(self, what, options, said, code=PASSED, without=()):
        serial = self.path("serial")
        done = subprocess.run([self.novt, "run", "--memory", "16M", "--timeout", "30", "--serial", "file:" + serial, *options],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
        out = open(serial, "rb").read().decode("latin1")
        good = done.returncode == code and all(s in out for s in said) and not any(s in out for s in without)
        self.report(good, what)
        if not good:
            print(f"     exit code {done.returncode}; serial: {out[-200:]!r}; stderr: {done.stderr!r}")

    def refused(self, what, options, said):
        done = subprocess.run([self.novt, "run", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.report(done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1, f"{what}: {done.stderr.strip()}")

    def written(self, what, path, expect):
        with open(path, "rb") as f:
            f.seek(3 * SECTOR)
            self.report((f.read(7) == b"Wirst s") == expect, what)


def floppies(t):
    boot = assemble(t.path("boot"), "LAST=0")
    for kib in (360, 720, 1200, 1440, 2880):
        path = t.path(f"floppy{kib}")
        image(path, 2 * kib, boot)
        t.run(f"floppy of {kib} K boots", ["--floppy", path], ["first sector"])
        t.written("  and is written", path, True)


def disks(t):
    for mib in (1, 40, 600, 10000):
        sectors = 2048 * mib
        path = t.path(f"disk{mib}")
        image(path, sectors, assemble(t.path("boot"), f"LAST={sectors - 1}"))
        t.run(f"disk of {mib} M boots; --snapshot", ["--disk", path, "--snapshot"], ["first sector", "last sector"])
        t.written("  and is not written", path, False)
        t.run("  with snapshot=on", ["--disk", path + ",snapshot=on"], ["last sector"])
        t.written("  and is not written", path, False)
        t.run("  read-only: the write fails", ["--disk", path + ",readonly=on"], ["first sector"], code=0x45)
        t.run("  writable", ["--disk", path], ["last sector"])
        t.written("  and is written", path, True)


    path = t.path("disk40")
    t.run("disk with a geometry of its own", ["--disk", path + ",chs=500/8/17,snapshot=on"], ["first sector", "last sector"])
    t.refused("  larger than the image", ["--disk", path + ",chs=500/16/63"], "fewer than the 504000 of chs=500/16/63")


def floppy_drives(t):
    small, large = t.path("floppy1440"), t.path("disk40")
    for drive in ("1.44", "2.88"):
        t.run(f"1440 K in a drive of {drive}", ["--floppy", small + ",drive=" + drive], ["first sector"])
    t.run("360 K in a drive of 1.2 M", ["--floppy", t.path("floppy360") + ",drive=1.2"], ["first sector"])
    t.refused("1440 K in a drive of 1.2 M", ["--floppy", small + ",drive=1.2"], "a 1.2M drive reads no disk of 1440K")
    t.refused("360 K in a drive of 1.44 M", ["--floppy", t.path("floppy360") + ",drive=1.44"], "a 1.44M drive reads no")
    t.refused("a floppy of 40 M", ["--floppy", large], "is larger than any floppy (2880K)")
    t.run("an empty drive of 1.2 M", ["--floppy", "none,drive=1.2", "--disk", t.path("disk1") + ",snapshot=on"], ["last sector"])


def virtio(t):
    path = t.path("disk600")
    t.run("virtio disk boots", ["--disk", path + ",bus=virtio", "--snapshot"], ["first sector", "last sector"])
    t.run("  read-only: the write fails", ["--disk", path + ",bus=virtio,readonly=on"], ["first sector"], code=0x45)
    eight = [a for _ in range(8) for a in ("--disk", path + ",bus=virtio,snapshot=on")]
    t.run("  eight of them", eight, ["last sector"])
    image(path, 2048 * 600, assemble(t.path("boot"), f"LAST={2048 * 600 - 1}"))
    t.run("  writable", ["--disk", path + ",bus=virtio"], ["last sector"])
    t.written("  and is written", path, True)


def order(t):
    with open(t.path("empty"), "wb") as f:
        f.truncate(1 << 20)
    path = t.path("cd")
    iso(path, assemble(t.path("boot"), "CD"))
    t.run("CD boots", ["--cdrom", path], ["disc"])
    drives = ["--cdrom", path, "--disk", t.path("disk1"), "--floppy", t.path("floppy1440")]
    t.run("boot order: disk first", drives, ["last sector"])
    t.run("boot order: CD first", [*drives, "--boot", "dc"], ["disc"])
    t.run("boot order: floppy first", [*drives, "--boot", "a"], ["first sector"])
    virtio = t.path("disk600") + ",bus=virtio,snapshot=on"
    t.run("boot order by bootindex: virtio disk first", [*drives, "--disk", virtio + ",bootindex=5", "--boot", "d"], ["last sector"],
          without=["disc"])
    t.run("boot order by bootindex: second disk first", ["--disk", t.path("empty"), "--disk", t.path("disk1") + ",bootindex=1"],
          ["last sector"])
    t.run("boot order by bootindex: CD before floppy", ["--floppy", t.path("floppy1440") + ",bootindex=3", "--boot", "a",
                                                        "--cdrom", path + ",bootindex=2"], ["disc"])
    t.run("boot order: an empty CD-ROM drive is passed over", ["--cdrom", "none", "--disk", t.path("disk1"), "--boot", "d"],
          ["last sector"])


def main():
    if not shutil.which("nasm") or not os.path.exists(FIRMWARE):
        print("skipped: nasm or SeaBIOS is not there")
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        t = Test(sys.argv[1], tmp)
        floppies(t)
        disks(t)
        floppy_drives(t)
        virtio(t)
        order(t)
        return 1 if t.failures else 0


if __name__ == "__main__":
    sys.exit(main())
