#!/usr/bin/env python3
"""absent_ports_test.py NOVT: drivers that probe for ISA cards find nothing: FFh at every place where none is plugged in.

A few bytes of real-mode code read the ports; no firmware, no assembler.
"""
import os
import struct
import subprocess
import sys
import tempfile

PASSED, ADDRESS = 0x43, 0x7C00
ABSENT = {
    "gameport": [0x200, 0x201, 0x207],
    "Sound Blaster": [b + o for b in (0x220, 0x240, 0x260, 0x280) for o in (0, 4, 5, 6, 0xA, 0xC, 0xE, 0xF)],
    "AdLib": [0x388, 0x389, 0x38A, 0x38B],
    "MPU-401": [0x330, 0x331],
    "Windows Sound System": [0x530, 0x534, 0x535],
    "NE2000": [0x300, 0x30F, 0x310, 0x31F, 0x320, 0x340, 0x360],
    "LPT": [0x378, 0x379, 0x37A, 0x278, 0x279],
    "COM2 to COM4": [0x2F8, 0x2FB, 0x2FD, 0x2FF, 0x3E8, 0x3EB, 0x3ED, 0x2E8, 0x2ED],
    "third and fourth IDE channel": [0x1E8, 0x1EF, 0x168, 0x16F],
    "SCSI and CD-ROM cards": [0x130, 0x134, 0x230, 0x234, 0x334, 0x340, 0x31F],
    "bus mouse": [0x23C, 0x23D, 0x23E, 0x23F],
    "3Com's identification port": [0x110, 0x100],
}


def code(ports):
    """in al, dx of each; the debug exit port gets 21h, or 22h if one answers."""
    body = b""
    for port in ports:
        body += b"\xBA" + struct.pack("<H", port) + b"\xEC\x3C\xFF\x74\x04\xB0\x22\xE6\xF4"
    return body + b"\xB0\x21\xE6\xF4\xF4"


def main():
    novt, failures = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "flat")
        for what, ports in ABSENT.items():
            with open(path, "wb") as f:
                f.write(code(ports))
            done = subprocess.run([novt, "run", "--memory", "2M", "--flat-image", path, "--flat-real", "--flat-address", hex(ADDRESS),
                                   "--serial", "none", "--net", "none", "--timeout", "20"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            good = done.returncode == PASSED
            failures += not good
            print("ok  " if good else "FAIL", f"no {what}: {len(ports)} ports", "" if good else f"{done.returncode} {done.stderr}")
    return int(failures != 0)


if __name__ == "__main__":
    sys.exit(main())
