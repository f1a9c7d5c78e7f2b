#!/usr/bin/env python3
"""media_test.py NOVT GUESTS: discs and floppies are changed under a running Linux, and a locked drive gives in to force only.

Skips (77) without the guest.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402

# Twice: in its first five minutes Linux looks at a floppy's change line only when it reads, and fails that read
# (drivers/block/floppy.c: last_checked = 0 lies in the future of its jiffies).
CHECK = ("for i in 1 2; do head -c 8 /dev/{0} 2>/dev/null | grep -q '^{1}$' && break; done; "
         "test $? = 0 && echo {0}-{2} || echo {0}-no-{2}")


def medium(path, name, size):
    with open(path, "wb") as f:
        f.write(f"{name}\n".encode())
        f.truncate(size)


def say(command, expect):
    return [f'serial "{command}\\n"', f'wait serial "\\n{expect}" 60']


def see(device, name):
    return say(CHECK.format(device, name, name[::-1]), f"{device}-{name[::-1]}")


def script(path, d):
    lines = ["timeout 120", 'wait serial "# "']
    lines += see("sr0", "disc-1")
    lines += [f"insert cdrom {d}/cd2", *see("sr0", "disc-2")]
    lines += ["eject cdrom", *say("head -c 8 /dev/sr0 >/dev/null 2>/tmp/no || echo gone-`echo no`", "gone-no")]
    lines += [f"insert cdrom {d}/cd1", *see("sr0", "disc-1")]
    lines += [f"insert cdrom {d}/cd2", *see("sr0", "disc-2")]
    # An open disc is locked: the user may still use force, and the guest gets errors.
    lines += [*say("exec 3</dev/sr0; echo is-`echo locked`", "is-locked"), "eject cdrom force",
              *say("exec 3<&-; echo is-`echo free`", "is-free")]
    lines += see("fd0", "floppy1")
    lines += ["eject floppy0", f"insert floppy0 {d}/f2", *see("fd0", "floppy2")]
    lines += [f"insert floppy0 {d}/f1", *see("fd0", "floppy1")]
    lines += ['serial "poweroff -f\\n"', "wait end"]
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def run(novt, guests, d):
    for n in "12":
        medium(f"{d}/cd{n}", f"disc-{n}", 1 << 20)
        medium(f"{d}/f{n}", f"floppy{n}", 1474560)
    script(f"{d}/script", d)
    args = [novt, "run", "--memory", "128M", "--timeout", "300", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append", "console=ttyS0 novt.modules=ata_piix,sr_mod,floppy",
            "--cdrom", f"{d}/cd1", "--floppy", f"{d}/f1", "--script", f"{d}/script"]
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=400)
    if done.returncode:
        print(f"exit code {done.returncode}; {done.stderr}\n{done.stdout[-3000:]}")
    return done.returncode != 0


def main():
    novt, guests = sys.argv[1:]
    linux_session.need_modules(guests)
    with tempfile.TemporaryDirectory() as d:
        return run(novt, guests, d)


sys.exit(main())
