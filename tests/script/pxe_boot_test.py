#!/usr/bin/env python3
"""pxe_boot_test.py NOVT: iPXE in each adapter's ROM gets an address by DHCP and a program by TFTP, and runs it.

Needs nasm, SeaBIOS and iPXE's ROMs (ipxe-qemu); skips (77) without.
"""
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "disk", "pxe.asm")
NEEDED = ["/usr/share/seabios/bios-256k.bin", "/usr/lib/ipxe/qemu/pxe-e1000.rom"]
MODELS = ["e1000", "rtl8139", "ne2k_pci", "virtio"]
PASSED = 0x43  # debug exit of 21h


def boots(novt, tmp, model):
    done = subprocess.run([novt, "run", "--memory", "32M", "--timeout", "90", "--boot", "n", "--net",
                           f"user,restrict=on,model={model},tftp={tmp},bootfile=pxe.nbp"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    out = done.stdout.decode("latin1")
    good = done.returncode == PASSED and "10.0.2.15" in out and "booted from the network" in out
    print("ok  " if good else "FAIL", f"{model} boots from the network", flush=True)
    if not good:
        print(f"     exit code {done.returncode}; serial: {out[-600:]!r}; stderr: {done.stderr!r}")
    return good


def main():
    if not shutil.which("nasm") or not all(os.path.exists(p) for p in NEEDED):
        print("skipped: nasm, SeaBIOS or iPXE is not there")
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["nasm", "-f", "bin", "-o", os.path.join(tmp, "pxe.nbp"), SOURCE], check=True)
        return 0 if all([boots(sys.argv[1], tmp, m) for m in MODELS]) else 1


if __name__ == "__main__":
    sys.exit(main())
