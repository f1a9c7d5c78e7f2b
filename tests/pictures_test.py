#!/usr/bin/env python3
"""pictures_test.py NOVT [--keep DIRECTORY]: the picture of every video mode, next to QEMU's.

One boot floppy (guest/pictures.asm) draws them in turn, under novt and under QEMU. Where QEMU does not do what the
hardware does, what the hardware shows is derived (see DERIVED). Needs nasm and qemu-system-i386.
"""
import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
from picture import pixels_apart, read_png, read_ppm, row, write_png  # noqa: E402

NAMES = """text80 mono text40 text50 text_panned
    cga4 cga5 cga6 ega_d ega_e ega_f ega_10 vga_11 vga_12 vga_13
    mode_x x_400 planar_start planar_split planar_panned palette write_modes
    vbe_4 vbe_8 vbe_8_scrolled vbe_15 vbe_16 vbe_24 vbe_32 vbe_full""".split()
LIMIT = 150
failures = 0


def check(ok, what):
    global failures
    failures += not ok
    print(f"{'ok  ' if ok else 'FAIL'} {what}", flush=True)


def novt_pictures(program, image, directory):
    lines = []
    for i, name in enumerate(NAMES):
        lines += [f'wait serial "picture {i:02}" 60', f"dump {directory}/{name}.png", "key spc"]
    script = os.path.join(directory, "script")
    with open(script, "w") as f:
        f.write("\n".join(lines + ['wait serial "end" 30', "exit 9"]) + "\n")
    argv = [program, "run", "--floppy", image, "--memory", "32", "--serial", f"file:{directory}/serial", "--script", script,
            "--timeout", str(LIMIT)]
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT + 20)
    check(run.returncode == 9, f"the guest draws {len(NAMES)} pictures{': ' + run.stderr if run.returncode != 9 else ''}")
    with open(os.path.join(directory, "serial")) as f:
        check("no mode" not in f.read(), "the VGA BIOS has all modes")
    return {name: read_png(f"{directory}/{name}.png") for name in NAMES if os.path.exists(f"{directory}/{name}.png")}


def qemu_pictures(image, directory):
    path, pictures = os.path.join(directory, "monitor"), {}
    argv = ["qemu-system-i386", "-accel", "tcg", "-nodefaults", "-vga", "std", "-display", "none", "-serial", "stdio", "-m", "32",
            "-monitor", f"unix:{path},server,nowait", "-drive", f"if=floppy,format=raw,readonly=on,file={image}"]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_UNIX) as s:
            for name in NAMES:
                if not child.stdout.readline().rstrip().startswith((b"picture", b"no mode")):
                    break
                if name == NAMES[0]:
                    s.connect(path)
                    s.settimeout(20)
                s.sendall(f"screendump {directory}/{name}.ppm\nsendkey spc\n".encode())
                seen = b""
                while b"sendkey spc\r\n" not in seen and b"(qemu) " not in seen.split(b"sendkey")[-1]:
                    seen += s.recv(4096)
                end = time.time() + 20
                while not os.path.exists(f"{directory}/{name}.ppm") and time.time() < end:
                    time.sleep(0.01)
                pictures[name] = None
            s.sendall(b"quit\n")
            child.wait(20)
    finally:
        child.kill()
        child.wait()
    return {name: read_ppm(f"{directory}/{name}.ppm") for name in pictures}


# ---- What is compared ----

def derive_text40(ours, theirs):
    """QEMU's characters in 40 columns have 8 dots, the hardware's 9: the first 8 of each must agree."""
    a, b = ours["text40"], theirs["text40"]
    return a[:2] == (720, 400) and b[:2] == (640, 400) and all(
        all(lines[0][x * 54:x * 54 + 48] == lines[1][x * 48:x * 48 + 48] for x in range(40))
        for lines in ([reduce_to(6, row(p, y)) for p in (a, b)] for y in range(400)))


def derive_panned(ours, _):
    """QEMU does not pan: planar_panned is planar_split with its upper 240 lines 3 dots (6 here) further left."""
    a, b = ours["planar_split"], ours["planar_panned"]
    return a[:2] == b[:2] == (640, 400) and all(row(a, y)[18:] == row(b, y)[:-18] for y in range(240)) and all(
        row(a, y) == row(b, y) for y in range(240, 400))


def derive_vbe_4(ours, _):
    """QEMU shows nothing: byte n of a plane is 8 dots in colour n xor n/256, of the 16 of the default palette."""
    picture = ours["vbe_4"]
    level = {0: b"\x00", 1: b"\x55", 2: b"\xaa", 3: b"\xff"}

    def colour(i):
        if i == 6:
            return b"\xaa\x55\x00"  # brown
        return b"".join(level[(i >> bit & 1) * 2 + (i >> 3)] for bit in (2, 1, 0))
    colours = [colour(i) * 8 for i in range(16)]
    return picture[:2] == (800, 600) and all(
        row(picture, y) == b"".join(colours[(n ^ n >> 8) & 15] for n in range(y * 100, y * 100 + 100)) for y in range(600))


DERIVED = {"vbe_4": derive_vbe_4, "text40": derive_text40, "planar_panned": derive_panned}
BITS = {"vbe_8": 8, "vbe_15": 5, "vbe_16": 5, "vbe_24": 8, "vbe_32": 8, "vbe_full": 8}  # of a colour; 6 elsewhere


def reduce_to(bits, rgb):
    """How few bits become eight differs: only those that were there count."""
    return rgb.translate(bytes(i >> (8 - bits) for i in range(256)))


def compare(name, ours, theirs):
    if name in DERIVED:
        check(DERIVED[name](ours, theirs), f"{name}: {DERIVED[name].__doc__}")
        return
    a, b = ours[name], theirs[name]
    same = a[:2] == b[:2] and reduce_to(BITS.get(name, 6), a[2]) == reduce_to(BITS.get(name, 6), b[2])
    check(same, f"{name}: {a[0]}x{a[1]}{'' if same else f', QEMU {b[0]}x{b[1]}, {pixels_apart(a, b):.2%} differ'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("novt")
    parser.add_argument("--keep", help="leave the pictures here, QEMU's as NAME-qemu.png")
    args = parser.parse_args()
    if not shutil.which("nasm") or not shutil.which("qemu-system-i386"):
        print("SKIP: needs nasm and qemu-system-i386")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        image = os.path.join(directory, "floppy.img")
        subprocess.run(["nasm", "-f", "bin", "-o", image, os.path.join(HERE, "guest", "pictures.asm")], check=True)
        ours = novt_pictures(os.path.abspath(args.novt), image, directory)
        theirs = qemu_pictures(image, directory)
    for name in NAMES:
        if args.keep:
            for suffix, pictures in (("", ours), ("-qemu", theirs)):
                if name in pictures:
                    write_png(os.path.join(args.keep, f"{name}{suffix}.png"), pictures[name])
        if name not in ours or name not in theirs:
            check(False, f"{name}: {'novt' if name not in ours else 'QEMU'} did not get there")
            continue
        compare(name, ours, theirs)
    print(f"{failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
