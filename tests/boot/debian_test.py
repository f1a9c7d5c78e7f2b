#!/usr/bin/env python3
"""debian_test.py [--qemu] NOVT GUESTS: a whole Debian on a disk: GRUB, initrd, systemd, login, apt, writes, power-off, a kill.

--qemu lets QEMU have the same disk in between. Skips (77) without the guest (scripts/guests debian).
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import debian_archive  # noqa: E402
import ext4_image  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = r"root@debian:~# "
PARTITION = 1 << 20
MD5 = "md5sum -c /root/sums"


def novt(program, image):
    return [program, "run", "--memory", "512M", "--disk", image, "--net", "user,model=e1000", "--serial", "stdio", "--display", "none"]


def qemu(image):
    return ["qemu-system-i386", "-accel", "tcg", "-m", "512", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
            "-drive", f"file={image},format=raw", "-nic", "user,model=e1000"]


def login(child):
    child.expect(r"GNU GRUB +version", 120)
    child.expect(r"Linux version", 300)
    child.expect(r"debian login: ", 600)
    child.send("root\n")
    child.expect(r"Password: ", 120)
    child.send("novt\n")
    child.expect(PROMPT, 120)
    check(True, f"GRUB, Linux and systemd lead to a login ({child.seconds():.1f} s)", child)


def poweroff(child):
    child.send("poweroff\n")
    code = child.wait(300)
    check(code == 0, "poweroff ends the program with exit code 0", child)
    check("Oops" not in child.text and "BUG:" not in child.text and "I/O error" not in child.text, "no oops, no I/O error", child)


def apt(child, port):
    child.command("until ip -4 addr | grep -q 10.0.2.15; do sleep 0.2; done", PROMPT, 120)
    child.command(f"echo 'deb [trusted=yes] http://10.0.2.2:{port}/ ./' > /etc/apt/sources.list", PROMPT)
    out = child.command("apt-get update; echo status=$?", PROMPT, 300)
    check("status=0" in out and "Packages" in out, "apt-get update reads the archive", child)
    out = child.command(f"apt-get install -y {debian_archive.NAME}; echo status=$?", PROMPT, 300)
    check("status=0" in out, "apt-get install installs", child)
    check("hello from a package" in child.command(debian_archive.NAME, PROMPT), "the package's command runs", child)


def write(child, name):
    out = child.command(f"dd if=/dev/urandom of={name} bs=1M count=16 conv=fsync; echo status=$?", PROMPT, 300)
    check("16777216 bytes" in out and "status=0" in out, "dd writes with fsync", child)
    child.command(f"md5sum {name} >> sums", PROMPT)


def read(child, files):
    out = child.command(MD5, PROMPT, 120)
    check(out.count(": OK") == files, f"{files} files of earlier boots are whole", child)


def first_boot(argv, port):
    with Child(argv) as child:
        login(child)
        apt(child, port)
        write(child, "first")
        poweroff(child)


def killed_boot(argv):
    with Child(argv) as child:
        login(child)
        read(child, 1)
        child.send("for i in $(seq 50); do cp -r /etc e-$i; tar cf t-$i /etc; md5sum t-$i >> sums; sync; echo wrote-$i; done\n")
        child.expect(r"^wrote-3", 300)


def later_boot(argv, files, name):
    with Child(argv) as child:
        login(child)
        if name == "after-kill":
            out = child.command("dmesg | grep -c 'recovery complete' | sed s/^/recovered=/", PROMPT)
            check("recovered=1" in out, "the guest's kernel replays its journal", child)
            child.command("head -4 sums > s; mv s sums", PROMPT)  # what was acknowledged before the kill
        read(child, files)
        write(child, name)
        poweroff(child)


def run(program, image, work, with_qemu):
    port = debian_archive.serve(os.path.join(work, "archive"))
    first_boot(novt(program, image), port)
    ext4_image.clean(image, PARTITION)
    if with_qemu:
        with Child(qemu(image)) as child:
            login(child)
            read(child, 1)
            poweroff(child)
        ext4_image.clean(image, PARTITION)
    killed_boot(novt(program, image))
    ext4_image.recoverable(image, PARTITION)
    later_boot(novt(program, image), 4, "after-kill")
    ext4_image.clean(image, PARTITION)
    if with_qemu:
        later_boot(qemu(image), 5, "in-qemu")
        ext4_image.clean(image, PARTITION)


def main():
    args = [a for a in sys.argv[1:] if a != "--qemu"]
    program, guests = args
    source = os.path.join(os.environ.get("NOVT_GUESTS") or guests, "debian.img")
    if not os.path.exists(source):
        print("skipped: no guest")
        return 77
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(os.path.join(work, "archive"))
        image = os.path.join(work, "disk")
        subprocess.run(["cp", "--sparse=always", source, image], check=True)
        run(program, image, work, "--qemu" in sys.argv)
    return 0


sys.exit(main())
