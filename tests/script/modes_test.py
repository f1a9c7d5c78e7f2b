#!/usr/bin/env python3
"""modes_test.py NOVT: small guest systems that prove the CPU's modes (tests/modes): every check they print must be good.

Each boots from a floppy image and prints "ok NAME" or "FAIL NAME got want". With qemu-system-i386 the same image runs there
too; a check may only fail there if KNOWN says why the manual decides. Needs nasm and SeaBIOS; skips (77) without.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

MODES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "modes")
FIRMWARE = "/usr/share/seabios/bios-256k.bin"
FLOPPY, PASSED, ENDED = 1440 << 10, 0x43, (0x43, 0x45)
# guest: (least number of checks, what QEMU TCG is known not to do: beginnings of names; None: cannot run it)
GUESTS = {
    "v86": (80, ["limit:", "LOCK MOV"]),  # TCG checks no segment limits; LOCK on a MOV is let through
    "pm286": (115, ["limit:", "type:", "real mode limit", "LOCK"]),  # nor types at an access, nor null selectors
    "ferr": (19, None),  # QEMU 7.2 aborts: it raises IRQ 13 without its lock
    # TCG leaves the page of the local APIC where it was, keeps an APIC off, has #NP for an absent SS, checks no limit of CS, sets no Accessed bit, knows no #AC
    "privops": (102, ["AC:", "CPUID: an APIC", "page: stores to the new", "page: back", "IRET: the outer stack's", "IRET: EIP beyond", "IRET: sets Accessed"]),
    "aliases": (9, []),
    "deadline": (28, []),  # TCG has no such mode, and says so
    "returns": (46, []),
    "tasks": (49, ["the T bit:"]),  # TCG leaves the T bit alone
}


def assemble(name, out):
    subprocess.run(["nasm", "-f", "bin", "-w-prefix-lock", "-I", MODES + "/", "-o", out, os.path.join(MODES, name + ".asm")], check=True)
    os.truncate(out, FLOPPY)


def checks(text):
    """[(good, name and numbers)] in order."""
    return [(word == "ok", rest) for word, rest in re.findall(r"^(ok|FAIL) +(.*)$", text, re.M)]


def in_novt(novt, image, options):
    done = subprocess.run([novt, "run", "--floppy", image, "--boot", "a", "--memory", "16M", "--display", "none", "--serial", "none",
                           "--debugcon", "stdio", "--no-reboot", "--timeout", "60", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=90)
    return done.returncode, checks(done.stdout.decode("latin1")), done.stderr.decode("latin1")


def in_qemu(image, log):
    code = subprocess.run(["qemu-system-i386", "-accel", "tcg", "-m", "16", "-display", "none", "-nodefaults", "-no-reboot",
                           "-drive", f"if=floppy,format=raw,file={image}", "-boot", "a", "-debugcon", "file:" + log,
                           "-device", "isa-debug-exit,iobase=0xf4,iosize=4"], stdin=subprocess.DEVNULL, timeout=90).returncode
    return code, checks(open(log, "rb").read().decode("latin1"))


def report(good, what):
    print("ok  " if good else "FAIL", what, flush=True)
    return not good


def main():
    if not shutil.which("nasm") or not os.path.exists(FIRMWARE):
        print("SKIP: needs nasm and SeaBIOS")
        return 77
    novt, failures = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as tmp:
        for name, (least, known) in GUESTS.items():
            image = os.path.join(tmp, name)
            assemble(name, image)
            for bt in ("", "checked", "direct", "low", "plain", "count", "single-step"):
                options = ["--bt", bt] if bt else []
                code, seen, errors = in_novt(novt, image, options)
                wrong = [text for good, text in seen if not good]
                failures += report(code == PASSED and len(seen) >= least and not wrong,
                                   f"{name} {' '.join(options)}: {len(seen)} checks, exit code {code:#x} {wrong[:8]} {errors[-300:]}")
            if known is not None and shutil.which("qemu-system-i386"):
                code, seen = in_qemu(image, os.path.join(tmp, "log"))
                wrong = [text for good, text in seen if not good and not text.startswith(tuple(known))]
                failures += report(code in ENDED and not wrong, f"{name} on QEMU: {len(seen)} checks, code {code:#x} {wrong[:8]}")
    return int(failures != 0)


if __name__ == "__main__":
    sys.exit(main())
