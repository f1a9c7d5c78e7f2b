"""scripted.py: guests of Debian's archive that are looked at and typed to by `novt run --script`.

Each test is a script, what must stand on the screens that it dumps, and how the run ends. A wait's time-out only
bounds a hang.
"""
import os
import re
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from expect import Failure, check  # noqa: E402

WAIT = 300  # seconds; what is waited for comes within a few on an idle machine


class Run:
    """One run of novt with a script: its exit code and what it left behind."""

    def __init__(self, m, script, *options):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "script"), "w") as f:
                f.write(f"timeout {WAIT}\n{script}")
            argv = [*m.novt, "run", "--script", "script", "--serial", "file:serial", "--dump-screen", "end.txt", *options]
            done = subprocess.run(argv, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=880)
            self.code, self.errors, self.argv = done.returncode, done.stderr, argv
            self.files = {}
            for name in os.listdir(directory):
                with open(os.path.join(directory, name), "rb") as f:
                    self.files[name] = f.read()

    def text(self, name):
        return self.files.get(name, b"").decode("utf-8", "replace")

    def check(self, condition, what):
        if condition:
            check(True, what)
        else:
            raise Failure(f"not so: {what}\n{' '.join(self.argv)}\nexit code {self.code}; {self.errors}\n"
                          f"the screen:\n{self.text('end.txt')}\nthe serial port:\n{self.text('serial')[-2000:]}")

    def ends(self, code, what):
        self.check(self.code == code, what)

    def colours(self, name):
        """How often each colour is in a picture that the script dumped."""
        data = self.files[name]
        at, packed, size = 8, b"", (0, 0)
        while at < len(data):
            length, kind, body = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8], data[at + 8:]
            size = (int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")) if kind == b"IHDR" else size
            packed += body[:length] if kind == b"IDAT" else b""
            at += 12 + length
        raw, row, counts = zlib.decompress(packed), size[0] * 3 + 1, {}
        for y in range(size[1]):
            line = raw[y * row + 1:(y + 1) * row]
            for x in range(0, len(line), 3):
                counts[line[x:x + 3]] = counts.get(line[x:x + 3], 0) + 1
        return size, counts


# ---- GRUB ----

GRUB = """
wait screen "GNU GRUB  version 2.06"
type "c"
wait screen "grub> "
type "ls\\n"
wait screen "(%s)"
type "set\\n"
wait screen "pxe_default_server="
dump variables.txt
type "halt\\n"
wait end
"""


def grub(m, medium, device, prefix):
    run = Run(m, GRUB % device, *medium)
    run.ends(0, f"GRUB lists its devices, ({device}) among them, and powers off")
    run.check(f"prefix={prefix}" in run.text("variables.txt"), "its variables name the medium it came from")


def grub_floppy(m):
    grub(m, ["--floppy", m.guest("grub-floppy.img") + ",snapshot=on"], "fd0", "(fd0)/boot/grub")


def grub_cdrom(m):
    grub(m, ["--cdrom", m.guest("grub-cdrom.iso")], "cd", "(hd96)/boot/grub")  # drive E0h


GRUB_LEGACY = """
wait screen "grub> "
type "geometry (hd0)\\n"
wait screen "LBA"
dump geometry.txt
type "displaymem\\n"
wait screen "0x0 X 4GB + 0x100000"
type "halt\\n"
wait end
"""


def grub_legacy(m):
    """All of its disk and memory calls go to the firmware in real mode; it powers off through APM."""
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(20 << 20)
        run = Run(m, GRUB_LEGACY, "--floppy", m.guest("grub-legacy.img") + ",snapshot=on", "--disk", disk.name, "--memory", "64M")
    run.ends(0, "GRUB 0.97 asks the firmware and powers off")
    run.check("The number of sectors = 40960" in run.text("geometry.txt"), "it knows the size of the disk")


# ---- SYSLINUX ----

def isolinux(m):
    """The CD's kernel, chosen at the prompt, gets to its shell."""
    run = Run(m, 'wait screen "boot: "\ntype "linux novt.typed=1\\n"\nwait serial "/ # "\nserial "cat /proc/cmdline\\n"\n'
                 'wait serial "/ # "\nserial "poweroff -f\\n"\nwait end\n', "--cdrom", m.guest("syslinux.iso"))
    run.ends(0, "ISOLINUX boots Linux, which powers off")
    run.check(re.search(r"BOOT_IMAGE=linux .*novt\.typed=1", run.text("serial")), "the kernel has the words typed at the prompt")


def memdisk(m):
    """A floppy in memory, kept there by a driver that hooks the firmware's disk and memory calls."""
    run = Run(m, 'wait screen "boot: "\ntype "floppy\\n"\nwait screen "GNU GRUB"\ntype "c"\nwait screen "grub> "\n'
                 'type "ls (fd0)/boot/grub\\n"\nwait screen "i386-pc/"\nexit 7\n', "--cdrom", m.guest("syslinux.iso"))
    run.ends(7, "GRUB reads a floppy that memdisk keeps in memory")


def vesamenu(m):
    """SYSLINUX draws its menu into a VBE frame buffer; the entry chosen tells what hardware it found."""
    # Nothing but the picture tells that the menu is there; a key pressed too early waits in the firmware's buffer.
    run = Run(m, 'wait screen "boot: "\ntype "menu\\n"\nsleep 5\ndump menu.png\nkey ret\nwait screen "< Exit"\ndump hdt.txt\n'
                 'exit 7\n', "--cdrom", m.guest("syslinux.iso"))
    run.ends(7, "the entry of the graphical menu is started")
    size, colours = run.colours("menu.png")
    run.check(size == (640, 480) and len(colours) > 3, f"the menu is a picture of 640x480 with some colours: {size}, {len(colours)}")
    run.check("PCI Devices( " in run.text("hdt.txt") and "VESA" in run.text("hdt.txt"), "HDT lists PCI devices, and knows VESA")


# ---- Other guests without a system behind them ----

def memtest_iso(m):
    run = Run(m, 'wait screen "Memtest86+ v6.10"\nwait screen "Testing:"\nwait screen "Test #3"\ndump screen.txt\nexit 7\n',
              "--cdrom", m.guest("memtest.iso"), "--memory", "16M")
    run.ends(7, "memtest86+ from its CD goes from test to test")
    run.check(re.search(r"Errors: 0\b", run.text("screen.txt")), "it counts no error")


def ipxe_iso(m):
    run = Run(m, 'wait screen "Press Ctrl-B"\nkey ctrl-b\nwait screen "iPXE> "\ntype "echo ${platform}-${buildarch}\\n"\n'
                 'wait screen "pcbios-i386"\nexit 7\n', "--cdrom", m.guest("ipxe.iso"))
    run.ends(7, "iPXE from its CD obeys its command line")
    run.check("iPXE initialising devices...ok" in run.text("end.txt") + run.text("serial"), "it has initialised its devices")


def uboot(m):
    """Another firmware: it sets up the machine from the reset vector by itself, in 32-bit mode."""
    run = Run(m, 'wait serial "Hit any key"\nserial " "\nwait serial "=> "\nserial "pci enum; pci\\n"\nwait serial "Display controller"\n'
                 'wait serial "=> "\nserial "bdinfo\\n"\nwait serial "=> "\nexit 7\n', "--firmware", m.guest("u-boot.rom"))
    run.ends(7, "U-Boot as firmware comes to its prompt")
    run.check("size     = 0x10000000" in run.text("serial"), "it finds 256 MiB")
    run.check(re.search(r"DRAM: +256 MiB", run.text("serial")), "and says so")


def invaders(m):
    """A game that starts as a Multiboot kernel and drives the VGA's text memory itself."""
    run = Run(m, 'wait screen "-*-"\nwait screen "/ \\\\"\ndump first.txt\nsleep 2\ndump second.txt\nexit 7\n', "--kernel", m.guest("invaders"))
    run.ends(7, "GRUB Invaders runs")
    run.check(run.text("first.txt") != run.text("second.txt"), "its invaders move")


# ---- Debian's installer ----

INSTALLER = ["--memory", "512M"]


def installer_text(m):
    run = Run(m, 'wait serial "Choose the language"\nwait serial "Prompt: "\nserial "\\n"\nwait serial "Select your location"\n'
                 'exit 7\n', *INSTALLER, "--kernel", m.guest("installer-linux"), "--initrd", m.guest("installer-initrd.gz"),
              "--append", "console=ttyS0 DEBIAN_FRONTEND=text")
    run.ends(7, "the installer asks for a language on the serial port, and goes on")


def installer_screen(m):
    """Its windows on the VGA text screen; two keys down from English is French."""
    run = Run(m, 'wait screen "Choose the language"\nwait screen "<Go Back>"\ndump language.txt\nkey down\nkey down\nkey ret\n'
                 'wait screen "Choix de votre situation"\nexit 7\n', *INSTALLER, "--kernel", m.guest("installer-linux"),
              "--initrd", m.guest("installer-initrd.gz"), "--append", "nomodeset fb=false", )
    run.ends(7, "the installer's windows hear the keyboard: it goes on in French")
    run.check("English              -  English" in run.text("language.txt"), "the language menu is on the screen")


TESTS = {"grub-floppy": grub_floppy, "grub-cdrom": grub_cdrom, "grub-legacy": grub_legacy, "isolinux": isolinux, "memdisk": memdisk,
         "vesamenu": vesamenu, "memtest-iso": memtest_iso, "ipxe-iso": ipxe_iso, "uboot": uboot, "invaders": invaders,
         "installer-text": installer_text, "installer-screen": installer_screen}
