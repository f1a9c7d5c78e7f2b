#!/usr/bin/env python3
"""virtio_disk_test.py NOVT GUESTS: Linux makes, fills and leaves an ext4 on a virtio disk, by both of its interfaces; the host checks it.

The file system is made on the host (mke2fs); what Linux wrote is read back after it was unmounted and mounted again, and
`e2fsck -fn` and `debugfs` judge the image afterwards. Skips (77) without the guest or e2fsprogs.
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = linux_session.PROMPT
GIVEN = random.Random(2).randbytes(3 << 20)
TOOLS = ["mke2fs", "e2fsck", "debugfs"]
os.environ["PATH"] += ":/usr/sbin:/sbin"


def ok(child, command, timeout=120):
    out = child.command(f"{command} && echo is-`echo done`", PROMPT, timeout)
    check("is-done" in out, command, child)
    return out


def work(child):
    """What Linux makes of its data: a digest."""
    ok(child, "mkdir -p /mnt && mount -t ext4 /dev/vda /mnt")
    check(hashlib.md5(GIVEN).hexdigest() in child.command("md5sum /mnt/given", PROMPT), "the host's file is read whole", child)
    ok(child, "for i in 1 2 3 4; do mkdir /mnt/$i && cat /mnt/given /mnt/given > /mnt/$i/copy || break; done; rm -r /mnt/3 && sync")
    ok(child, "dd if=/dev/urandom of=/mnt/made bs=64k count=48 2>/dev/null")
    made = re.search(r"[0-9a-f]{32}", child.command("md5sum /mnt/made", PROMPT)).group(0)
    ok(child, "umount /mnt && echo 3 > /proc/sys/vm/drop_caches && mount -t ext4 -o ro /dev/vda /mnt")
    check(made in child.command("md5sum /mnt/made", PROMPT, 120), "what was written is read back", child)
    ok(child, "cmp /mnt/1/copy /mnt/4/copy && umount /mnt")
    check(not re.search(r"^novt-error", child.command("dmesg | grep -iE 'I/O error|EXT4-fs error' | sed s/^/novt-error/", PROMPT),
                        re.M), "the kernel saw no error", child)
    return made


def run(novt, guests, tmp, interface):
    print(f"-- {interface}", flush=True)
    image, out = os.path.join(tmp, "image"), os.path.join(tmp, "made")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", os.path.join(tmp, "root"), image, "64M"], check=True)
    legacy = " virtio_pci.force_legacy=1" if interface == "legacy" else ""
    args = [novt, "run", "--memory", "128M", "--net", "none", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append",
            f"console=ttyS0 novt.modules=virtio_pci,virtio_blk,ext4,crc32c_generic{legacy}",
            "--disk", image + ",bus=virtio,format=raw"]
    with Child(args) as child:
        linux_session.boot(child)
        # VIRTIO_F_VERSION_1, bit 32, is what tells the interfaces apart.
        features = child.command("cut -c33 /sys/bus/virtio/devices/virtio0/features", PROMPT)
        check(re.search(rf"^{0 if legacy else 1}\s*$", features, re.M), f"Linux uses the {interface} interface", child)
        made = work(child)
        linux_session.poweroff(child)
    fsck = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True)
    print(fsck.stdout)
    check(fsck.returncode == 0, "e2fsck finds the file system clean")
    subprocess.run(["debugfs", "-R", f"dump /made {out}", image], check=True, capture_output=True)
    check(hashlib.md5(open(out, "rb").read()).hexdigest() == made, "the host reads what Linux wrote")


def main():
    novt, guests = sys.argv[1:]
    if not os.path.exists(os.path.join(guests, "initramfs-modules.gz")) or not all(map(shutil.which, TOOLS)):
        print("skipped: no guest, or no e2fsprogs")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(os.path.join(tmp, "root"))
        with open(os.path.join(tmp, "root", "given"), "wb") as f:
            f.write(GIVEN)
        for interface in ("modern", "legacy"):
            run(novt, guests, tmp, interface)


main()
