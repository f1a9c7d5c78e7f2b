#!/usr/bin/env python3
"""storage_failure_test.py NOVT GUESTS: the host's disk is full, or the helper of an image dies, while Linux writes.

Linux writes and syncs one MiB after the other. It must see an error and go on living, the user is told once, and every MiB
whose sync was acknowledged is in the image. "Full" is a limit to the size of files (RLIMIT_FSIZE), which needs no mount.
Skips (77) without the guest or qemu-img.
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = linux_session.PROMPT
MIB = 1 << 20
SIZE, LIMIT, STEPS = 24 * MIB, 10 * MIB, 16
WRITE = ("yes piece-{0} | head -c 1048576 > /tmp/p; dd if=/tmp/p of={1} bs=1M seek={0} conv=fsync,notrunc 2> /tmp/e && "
         "echo piece-`echo good` || echo piece-`echo bad`")


def piece(n):
    text = f"piece-{n}\n".encode()
    return (text * (MIB // len(text) + 1))[:MIB]


class Machine:
    def __init__(self, novt, guests, tmp, name, option, device, limited):
        self.image, self.device = os.path.join(tmp, name), device
        self.fmt = option.split("format=")[1]
        subprocess.run(["qemu-img", "create", "-q", "-f", self.fmt, self.image, str(SIZE)], check=True)
        drivers = "virtio_pci,virtio_blk" if "virtio" in option else "ata_piix,sd_mod"
        args = [novt, "run", "--memory", "128M", "--net", "none", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
                os.path.join(guests, "initramfs-modules.gz"), "--append", f"console=ttyS0 novt.modules={drivers}",
                "--disk", f"{self.image},{option}"]
        self.child = Child(args)
        linux_session.boot(self.child)
        if limited:  # not before: guest memory is a file, too
            resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    def write(self, n):
        """True: acknowledged."""
        return "piece-good" in self.child.command(WRITE.format(n, self.device), PROMPT, 180)

    def kill_helper(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    head, rest = f.read().rsplit(")", 1)
            except OSError:
                continue
            if "(qemu-nbd" in head and int(rest.split()[1]) == self.child.pid:
                os.kill(int(pid), signal.SIGKILL)
                return True
        return False

    def end(self, good):
        linux_session.poweroff(self.child)
        said = self.child.text.count("novt: disk image")
        self.child.close()
        check(said == 1, "the user is told once")
        raw = self.image + ".raw"
        subprocess.run(["qemu-img", "convert", "-f", self.fmt, "-O", "raw", self.image, raw], check=True)
        with open(raw, "rb") as f:
            for n in good:
                f.seek(n * MIB)
                check(f.read(MIB) == piece(n), f"MiB {n}, which was acknowledged, is there")


def full(m):
    good = []
    for n in range(STEPS):
        if not m.write(n):
            break
        good.append(n)
    check(4 <= len(good) < STEPS, f"{len(good)} MiB are written, then the guest sees an error", m.child)
    m.end(good)


def helper_dies(m):
    good = [n for n in range(3) if m.write(n)]
    check(len(good) == 3, "3 MiB are written", m.child)
    check(m.kill_helper(), "qemu-nbd is killed", m.child)
    check(not m.write(3), "the guest sees an error", m.child)
    check("Memory" in m.child.command("dmesg | grep Memory:", PROMPT), "and lives on", m.child)
    m.end(good)


def main():
    novt, guests = sys.argv[1:]
    if not os.path.exists(os.path.join(guests, "initramfs-modules.gz")) or not shutil.which("qemu-img"):
        print("skipped: no guest or no qemu-img")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as tmp:
        for name, option, device in (("ide", "format=raw", "/dev/sda"), ("virtio", "bus=virtio,format=raw", "/dev/vda")):
            print(f"-- full: {option}", flush=True)
            full(Machine(novt, guests, tmp, name, option, device, True))
        print("-- qemu-nbd dies", flush=True)
        helper_dies(Machine(novt, guests, tmp, "helper", "bus=virtio,format=qcow2", "/dev/vda", False))


main()
