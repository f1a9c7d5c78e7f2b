#!/usr/bin/env python3
"""hostile_images_test.py NOVT: image files that are no images, for each kind of drive and each format: one clear line and exit code 1.

Broken ones are made from good ones, byte by byte and cut at many places; what novt makes of them may be an error or a guest
that runs to its time limit, never a crash. Needs qemu-img; skips (77) without.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

FORMATS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vpc": "vpc", "vhdx": "vhdx"}
DRIVES = ["disk", "cdrom", "floppy"]
SIZE = 1 << 20
RAN = 124  # the time limit


class Test:
    def __init__(self, novt, tmp):
        self.novt, self.tmp, self.failures, self.count = novt, tmp, 0, 0

    def path(self, name):
        return os.path.join(self.tmp, name)

    def run(self, drive, value, seconds="0.2", limit=None):
        """No firmware: the guest is two bytes that jump to themselves."""
        args = [self.novt, "run", "--memory", "2M", "--flat-image", self.path("loop"), "--timeout", seconds, "--serial", "none",
                "--net", "none", "--" + drive, value]
        return subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60,
                              preexec_fn=limit, env={**os.environ, "TMPDIR": self.tmp})

    def report(self, good, what, done):
        self.count += 1
        self.failures += not good
        if not good:
            print(f"FAIL {what}: exit code {done.returncode}: {done.stderr!r}", flush=True)

    def refused(self, what, drive, value, said=""):
        done = self.run(drive, value)
        self.report(done.returncode == 1 and done.stderr.startswith("novt: ") and done.stderr.count("\n") == 1 and
                    re.search(said, done.stderr), f"{drive} {what}", done)

    def survived(self, what, drive, value):
        done = self.run(drive, value)
        self.report(done.returncode == RAN or (done.returncode == 1 and done.stderr.count("\n") == 1), f"{drive} {what}", done)


def make_good(t, name):
    path = t.path("good." + name)
    subprocess.run(["qemu-img", "create", "-q", "-f", FORMATS[name], path, str(SIZE)], check=True)
    return path


def no_images(t):
    t_dir, empty, tiny, fifo = t.path("dir"), t.path("empty"), t.path("tiny"), t.path("fifo")
    os.mkdir(t_dir)
    open(empty, "w").close()
    with open(tiny, "w") as f:
        f.write("x" * 100)
    os.mkfifo(fifo)
    for drive in DRIVES:
        for fmt in ["auto", *FORMATS]:
            tail = f",format={fmt}"
            t.refused(f"directory as {fmt}", drive, t_dir + tail, "is a directory")
            t.refused(f"nothing as {fmt}", drive, t.path("nothing") + tail, "No such file")
            t.refused(f"FIFO as {fmt}", drive, fifo + tail, "neither a file nor a block device")
            t.refused(f"/dev/zero as {fmt}", drive, "/dev/zero" + tail, "")
            t.refused(f"empty file as {fmt}", drive, empty + tail)
            t.refused(f"100 bytes as {fmt}", drive, tiny + tail)


def wrong_format(t):
    with open(t.path("noise"), "wb") as f:
        f.write(random.Random(5).randbytes(SIZE))
    for drive in DRIVES:
        for fmt in FORMATS:
            if fmt != "raw":
                t.refused(f"noise as {fmt}", drive, f"{t.path('noise')},format={fmt}")


def unwritable(t):
    """A disk or floppy that may not be written says what would help; root may write everything."""
    if not os.geteuid():
        return
    path = make_good(t, "raw")
    os.chmod(path, 0o444)
    for drive in ("disk", "floppy"):
        t.refused("read-only file", drive, path, "readonly=on or snapshot=on")
        for option in ("readonly", "snapshot"):
            done = t.run(drive, f"{path},{option}=on")
            t.report(done.returncode == RAN, f"{drive} read-only file with {option}=on", done)


def broken(t):
    """Heads with a flipped byte, and images cut short."""
    rng = random.Random(9)
    for name in FORMATS:
        if name == "raw":
            continue
        good = open(make_good(t, name), "rb").read()
        for i in range(5):
            bad = bytearray(good)
            for _ in range(1 + i):
                at = rng.randrange(min(len(bad), 600))
                bad[at] ^= 1 << rng.randrange(8)
            with open(t.path("bad"), "wb") as f:
                f.write(bad)
            t.survived(f"broken {name} {i}", rng.choice(DRIVES), f"{t.path('bad')},format={name}")
        for cut in (1, 4, 64, 511, 513, len(good) // 2):
            with open(t.path("bad"), "wb") as f:
                f.write(good[:cut])
            t.survived(f"{name} cut at {cut}", rng.choice(DRIVES), f"{t.path('bad')},format={name}")
            t.survived(f"{name} cut at {cut}, guessed", rng.choice(DRIVES), t.path("bad"))


def backing(t):
    """A chain of images that has no end, and one whose end is not there."""
    a, b = t.path("a.qcow2"), t.path("b.qcow2")
    for path, back in ((a, b), (b, a)):
        subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", back, path, str(SIZE)], check=True)
    t.refused("backing loop", "disk", a)
    os.unlink(b)
    t.refused("backing file that is not there", "disk", a)


def main():
    if not shutil.which("qemu-img") or not shutil.which("qemu-nbd"):
        print("skipped: no qemu-img or qemu-nbd")
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        t = Test(sys.argv[1], tmp)
        with open(t.path("loop"), "wb") as f:
            f.write(b"\xEB\xFE")
        for group in (no_images, wrong_format, unwritable, broken, backing):
            before = t.failures
            group(t)
            print("ok  " if t.failures == before else "FAIL", group.__name__, flush=True)
        print(f"{t.count} images")
        return int(t.failures != 0)


if __name__ == "__main__":
    sys.exit(main())
