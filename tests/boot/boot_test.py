#!/usr/bin/env python3
"""boot_test.py TEST --guests DIR --tools DIR -- NOVT...: boots one guest and requires what it should do.

Exit code 77: the guest has not been fetched (scripts/guests). `--oracle qemu` runs the tests that it can on
qemu-system-i386 -accel tcg instead, to prove the tests themselves.
"""
import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import linux_session  # noqa: E402
import scripted  # noqa: E402
from expect import Child, Failure, check  # noqa: E402

SKIP = 77
EXIT_TRIPLE_FAULT, EXIT_TIMEOUT = 2, 124
QEMU = ["qemu-system-i386", "-accel", "tcg", "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "none"]


class Machine:
    """How to start the program under test."""

    def __init__(self, args):
        self.novt, self.tools, self.qemu = args.novt, args.tools, args.oracle == "qemu"
        self.guests = os.environ.get("NOVT_GUESTS") or args.guests
        self.show = args.show

    def guest(self, name):
        path = os.path.join(self.guests, name)
        if not os.path.exists(path):
            print(f"SKIP: no {path}: run scripts/guests")
            sys.exit(SKIP)
        return path

    def serial(self, kernel, append=None, initrd=None, memory="256"):
        """A kernel with its serial port on the terminal."""
        more = (["--append", append] if append else []) + (["--initrd", initrd] if initrd else [])
        if self.qemu:
            argv = QEMU + ["-m", memory, "-chardev", "stdio,id=s,signal=off", "-serial", "chardev:s", "-kernel", kernel]
            return argv + [o.replace("--", "-", 1) for o in more]
        return [*self.novt, "run", "--kernel", kernel, *more, "--memory", memory + "M", "--display", "none", "--serial", "stdio"]

    def flat(self, image, options=()):
        return [*self.novt, "run", "--flat-image", image, "--flat-address", "0x100000", "--display", "none", "--serial", "none",
                "--debugcon", "stdio", "--no-reboot", *options]

    def linux(self, kernel):
        return self.serial(self.guest(kernel), "console=ttyS0", self.guest("initramfs.gz"))


# ---- Real guests ----

def linux(m, kernel="vmlinuz-686", release="-686 "):
    with Child(m.linux(kernel), sys.stderr if m.show else None) as child:
        linux_session.boot(child)
        shell = child.seconds()
        linux_session.commands(child, release)
        linux_session.interactive(child)
        linux_session.poweroff(child)
        print(f"{shell:.1f} s to the shell, {child.seconds():.1f} s in all")


def linux_pae(m):
    linux(m, "vmlinuz-686-pae", "-686-pae ")


def memtest(m, memory="32", until=r"#[4-9] ", seconds=300):
    """Until a later test of a pass, or a whole pass; the error counter must stay at zero."""
    with Child(m.serial(m.guest("memtest.bin"), "console=ttyS0,115200", memory=memory)) as child:
        child.expect(r"Memtest86\+ v6\.10", 120)
        check(True, "memtest86+ draws its screen", child)
        child.expect(until, seconds)
        counts = re.findall(r"Errors:\s+(\d+)", child.text)
        check(counts and set(counts) == {"0"}, f"memtest86+ gets to {until!r} and counts no error", child)
        check("Unexpected interrupt" not in child.text, "memtest86+ sees no unexpected interrupt", child)


def memtest_long(m):
    memtest(m, "64", r"Pass:\s+1 ", 880)


def mach(m):
    with Child(m.serial(m.guest("gnumach"), "console=com0")) as child:
        child.expect(r"GNU Mach \d", 120)
        child.expect(r"panic .*No bootstrap code loaded", 300)
        check(True, "GNU Mach comes to its expected end", child)


def seabios(m):
    if m.qemu:
        argv = QEMU + ["-debugcon", "stdio", "-global", "isa-debugcon.iobase=0x402"]
    else:
        argv = [*m.novt, "run", "--display", "none", "--serial", "none", "--debugcon", "stdio"]
    with Child(argv) as child:
        child.expect(r"SeaBIOS \(version", 60)
        child.expect(r"No bootable device", 300)
        check(True, "SeaBIOS looks for a boot device in vain", child)


# ---- Garbage guests ----

def end_of(m, code, options=(), want=()):
    """Runs raw 32-bit code at 1 MiB; requires one of the exit codes."""
    with tempfile.NamedTemporaryFile() as image:
        image.write(code)
        image.flush()
        with Child(m.flat(image.name, options)) as child:
            got = child.wait(120)
            check(got in want, f"exit code {got}, wanted one of {list(want)}", child)


def random_bytes(m):
    """Random bytes as code end in a triple fault, a halt or a loop: never in a crash of the program."""
    state = 12345
    for _ in range(12):
        code = bytearray()
        while len(code) < 4096:
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            code += struct.pack("<I", state)[1:3]
        end_of(m, bytes(code), ["--timeout", "1"], (0, EXIT_TRIPLE_FAULT, EXIT_TIMEOUT))


def unmapped_jump(m):
    """A jump above memory: the bus answers with ones, FF FF is an invalid opcode, and no IDT means a triple fault."""
    end_of(m, b"\x0f\x01\x1d\x10\x00\x10\x00\xb8\x00\x00\x00\xe0\xff\xe0".ljust(32, b"\0"), ["--timeout", "60"], (EXIT_TRIPLE_FAULT,))


def timeout(m):
    end_of(m, b"\xfa\xeb\xfe", ["--timeout", "2"], (EXIT_TIMEOUT,))     # cli; jmp $
    end_of(m, b"\xfa\xf4\xeb\xfc", ["--timeout", "2"], (EXIT_TIMEOUT,))  # cli; hlt


def triple_fault(m):
    # lidt of an empty table, then ud2
    end_of(m, b"\x0f\x01\x1d\x10\x00\x10\x00\x0f\x0b".ljust(32, b"\0"), ["--timeout", "60"], (EXIT_TRIPLE_FAULT,))
    # a table that the guest overwrites with zeros: int 21h finds no gate, nor does the double fault
    code = b"\xbf\x00\x00\x02\x00\xb9\x00\x02\x00\x00\x31\xc0\xf3\xab\x0f\x01\x1d\x1a\x00\x10\x00\xcd\x21\xeb\xfe".ljust(26, b"\0")
    end_of(m, code + b"\xff\x07\x00\x00\x02\x00", ["--timeout", "60"], (EXIT_TRIPLE_FAULT,))


def no_kvm(m):
    """A whole boot opens no /dev/kvm and needs no kernel module."""
    with tempfile.NamedTemporaryFile() as log:
        argv = ["strace", "-f", "-o", log.name, "-e", "trace=open,openat,openat2,init_module,finit_module", *m.linux("vmlinuz-686")]
        with Child(argv) as child:
            linux_session.boot(child)
            linux_session.poweroff(child)
        calls = open(log.name).read()
        check("open" in calls, "strace saw the program's files", None)
        check("/dev/kvm" not in calls and "init_module" not in calls, "no /dev/kvm, no kernel module", None)


TESTS = {"linux": linux, "linux-pae": linux_pae, "memtest": memtest, "memtest-long": memtest_long, "mach": mach, "seabios": seabios,
         "random-bytes": random_bytes, "unmapped-jump": unmapped_jump, "timeout": timeout, "triple-fault": triple_fault,
         "no-kvm": no_kvm, **scripted.TESTS}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("test", choices=TESTS)
    parser.add_argument("--guests", default=os.path.join(HERE, "..", "..", "build", "guests"))
    parser.add_argument("--tools", default=os.path.join(HERE, "..", "..", "build", "release", "tests"))
    parser.add_argument("--oracle", choices=["qemu"])
    parser.add_argument("--show", action="store_true", help="show the guest's console on stderr")
    # argparse would only take what follows "--" if the options came first
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:cut])
    args.novt = sys.argv[cut + 1:]
    if not args.novt and not args.oracle:
        parser.error("needs -- and the program under test")
    try:
        TESTS[args.test](Machine(args))
    except (Failure, subprocess.SubprocessError) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)


if __name__ == "__main__":
    main()
