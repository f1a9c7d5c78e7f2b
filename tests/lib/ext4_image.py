"""ext4_image.py: what e2fsck and qemu-img say of a disk image that guests wrote."""
import os
import subprocess

from expect import Failure, check

# Debian keeps these out of a user's path.
TOOLS = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


def tool(*argv, codes=(0,)):
    done = subprocess.run(argv, env=TOOLS, capture_output=True, text=True, timeout=300)
    if done.returncode not in codes:
        raise Failure(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def clean(image, offset=0):
    """The file system at this offset of a raw image needs no repair and no journal replay."""
    out = tool("e2fsck", "-fn", f"{image}?offset={offset}")
    check("recover" not in out, "e2fsck -fn finds the file system clean")


def recoverable(image, offset=0):
    """In a copy the journal is replayed, and then nothing is wrong; the image stays for the guest to recover."""
    copy = image + ".copy"
    # e2fsck cannot open a file again at an offset: the copy begins with the file system.
    tool("dd", f"if={image}", f"of={copy}", "bs=1M", f"skip={offset}", "iflag=skip_bytes", "conv=sparse", "status=none")
    tool("e2fsck", "-p", copy, codes=(0, 1))
    clean(copy)
    os.unlink(copy)


def make(image, mib):
    tool("mke2fs", "-q", "-t", "ext4", image, f"{mib}M")


def convert(source, image, fmt):
    tool("qemu-img", "convert", "-O", fmt, source, image)


def sound(image, codes=(0,)):
    """qemu-img finds no damage; with code 3 in codes, space that nothing refers to is allowed (a killed writer)."""
    tool("qemu-img", "check", image, codes=codes)
    check(True, f"qemu-img check: {os.path.basename(image)} is sound")
