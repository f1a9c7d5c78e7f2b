#!/usr/bin/env python3
"""qemu_front_test.py NOVT: novt-qemu: what it says to options it refuses or takes otherwise, and three kinds of runs.

The runs: a Multiboot kernel as kvm-unit-tests start theirs, a triple fault with -no-reboot, a Linux kernel as CI of kernels
starts it. They need nasm, SeaBIOS and scripts/guests; each is left out without.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import linux_session  # noqa: E402
from expect import Child  # noqa: E402

FIRMWARE = "/usr/share/seabios/bios-256k.bin"
GONE = "/nonexistent/file"
DISK = f"disk image {GONE}: No such file or directory"  # all options before were good
KERNEL = f"cannot open '{GONE}': No such file or directory"

# command line, the line that must come last on stderr, behind "novt-qemu: "
REFUSED = [
    ("-frob", "unknown option '-frob' (try 'novt-qemu -help')"),
    ("--frob", "unknown option '--frob' (try 'novt-qemu -help')"),
    ("-", "unknown option '-' (try 'novt-qemu -help')"),
    ("-m", "-m needs a value"),
    ("-m 1x", "-m '1x' must be a size such as 256M or 1G"),
    ("-m slots=2", "-m 'slots=2' names no size"),
    ("-m 8G -display none", "memory: a 32-bit PC takes at most 3584M"),
    ("-smp 2", "-smp '2' is wrong: cpus must be 1: the machine has one CPU"),
    ("-smp 1,cores=4", "-smp '1,cores=4' is wrong: cores must be 1: the machine has one CPU"),
    ("-cpu EPYC", "-cpu 'EPYC' is not there; there are qemu32, max, 486, pentium, pentium3, athlon, core32 and max32"),
    ("-M q35", "-M 'q35' asks for the machine q35; there is only pc"),
    ("-machine pc,accel=hax", "-machine 'pc,accel=hax' is wrong: accel must be tcg or kvm"),
    ("-accel xen", "-accel 'xen' is wrong: accel must be tcg or kvm"),
    ("-enable-kvm", "-enable-kvm is not possible: KVM is never used, guest code is translated"),
    ("-qmp vc", "-qmp 'vc' must be none, stdio, unix:PATH,server=on,wait=off or tcp:127.0.0.1:PORT,server=on,wait=off"),
    ("-qmp tcp:127.0.0.1:4444", "-qmp 'tcp:127.0.0.1:4444' would connect to a socket; it can only listen: unix:PATH,server=on,wait=off"),
    ("-monitor tcp::4444,server=on", "-monitor 'tcp::4444,server=on' must be unix:PATH, stdio or tcp:127.0.0.1:PORT"),
    ("-monitor stdio -qmp stdio", "-qmp 'stdio' is one too many: there is one standard input"),
    ("-serial tcp::4", "-serial 'tcp::4' must be stdio, mon:stdio, pty, null, none, file:PATH or unix:PATH,server"),
    ("-serial unix:s", "-serial 'unix:s' would connect to a socket; it can only listen: unix:PATH,server=on,wait=off"),
    ("-serial unix:server=on", "-serial 'unix:server=on' names no socket"),
    ("-vnc password=off", "-vnc 'password=off' names no address"),
    ("-vnc here", "-vnc 'here' must be [ADDRESS]:N or none"),
    ("-vnc :1,password=on", "-vnc ':1,password=on' asks for a password, which only QEMU's monitor could set"),
    ("-display x11", "-display 'x11' must be none, curses or vnc=[ADDRESS]:N"),
    ("-device edu", "-device 'edu' asks for the device edu, which is not there"),
    ("-device e1000", "-device 'e1000' needs netdev=ID, of a -netdev with id=ID"),
    ("-device e1000,netdev=n", "-device 'e1000,netdev=n' names the network 'n', and no -netdev has this id"),
    ("-device ide-hd", "-device 'ide-hd' needs drive=ID, of a -drive with if=none,id=ID"),
    ("-device ide-hd,drive=d", "-device 'ide-hd,drive=d' names the drive 'd', and no -drive has this id"),
    ("-netdev user", "-netdev 'user' needs id=ID"),
    ("-netdev id=n", "-netdev 'id=n' must start with user or tap"),
    ("-net nic", "-net 'nic' has no network: a -net user is needed"),
    ("-net none -nic user", "-net 'none' does not go with other networks"),
    ("-nic user,model=pcnet", "-nic 'user,model=pcnet' asks for the adapter pcnet; there are e1000, rtl8139, virtio, ne2k_pci and ne2k_isa"),
    ("-nic user,hostfwd=x", "-nic 'user,hostfwd=x' is wrong: hostfwd must be tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT"),
    ("-netdev user,id=n -device e1000,netdev=n -device rtl8139,netdev=n",
     "-device 'rtl8139,netdev=n' is on a network that another adapter has"),
    ("-drive if=scsi", "-drive 'if=scsi' is wrong: if must be ide, virtio, floppy or none"),
    ("-drive if=ide", "-drive 'if=ide' names no file"),
    ("-hda a -drive file=b,index=0", "-drive 'file=b,index=0' has index 0, where -hda is"),
    ("-drive file=b,index=7", "-drive 'file=b,index=7' has no place: there are 4 on its bus"),
    ("-cdrom a -drive file=b,index=3,media=cdrom", "-drive 'file=b,index=3,media=cdrom' is a second CD-ROM drive; there is room for one"),
    ("-usbdevice mouse", "-usbdevice 'mouse' must be tablet"),
    ("-uuid 1", "-uuid '1' must be like 12345678-1234-1234-1234-123456789abc"),
]
# what is good: the run then ends at a file that is not there
TAKEN = [
    (f"-display none {GONE}", DISK),
    (f"-display none --hda {GONE}", DISK),
    (f"-m 64 -smp 1,sockets=1 -cpu qemu32,+sse3 -M pc-i440fx-7.2,accel=kvm:tcg -accel tcg,thread=single -nographic -hda {GONE}", DISK),
    (f"-m size=64M -smp cpus=1 -machine accel=tcg,usb=on -vga cirrus -display none -drive file={GONE},if=virtio,format=raw,cache=none", DISK),
    (f"-display none -drive file={GONE},if=none,id=d -device virtio-blk-pci,drive=d,id=x,bootindex=1", DISK),
    (f"-display none -device ide-hd,drive=d,bus=ide.1,unit=1 -drive file={GONE},if=none,id=d,readonly=on,snapshot=on", DISK),
    (f"-display none -fda {GONE}", f"disk image {GONE}: No such file or directory"),
    (f"-display none -cdrom {GONE}", f"disk image {GONE}: No such file or directory"),
    (f"-display none -boot order=dc,once=n,menu=on,splash-time=10,strict=on -boot c -kernel {GONE}", KERNEL),
    (f"-display none -net nic,model=ne2k_pci -net user,hostfwd=tcp::40022-:22,hostfwd=udp::40053-:53,hostfwd=::40080-:80 -kernel {GONE}", KERNEL),
    (f"-display none -nic user,model=virtio-net-pci,mac=52:54:00:00:00:09 -kernel {GONE}", KERNEL),
    (f"-display none -netdev user,id=n -device rtl8139,netdev=n,romfile= -kernel {GONE}", KERNEL),
    (f"-display none -net none -usb -device usb-tablet -usbdevice tablet -rtc base=localtime,clock=host -kernel {GONE}", KERNEL),
    (f"-nodefaults -no-user-config -no-hpet -name x -k de -L /x -global a.b=c -msg timestamp=on -monitor none -kernel {GONE}", KERNEL),
    (f"-vnc none -serial null -serial mon:stdio -parallel none -debugcon null -smbios type=1,product=x -kernel {GONE}", KERNEL),
]
# a note that must be among the lines
NOTED = [
    (f"-cpu host -display none {GONE}", "note: -cpu 'host' is run as core32, a 32-bit CPU"),
    (f"-cpu qemu32,+pae -display none {GONE}", "note: -cpu 'qemu32,+pae' changes features of a model, which has no effect"),
    (f"-machine accel=kvm -display none {GONE}", "note: -machine 'accel=kvm' names KVM, which is not used: guest code is translated"),
    (f"-vga qxl -display none {GONE}", "note: -vga 'qxl' is run as std, a VGA with VBE"),
    (f"-display gtk {GONE}", "note: -display 'gtk' opens no window: a VNC server listens at 127.0.0.1:5900"),
    (GONE, "note: -display is not given: a VNC server listens at 127.0.0.1:5900"),
    (f"-vnc :7 {GONE}", "note: -vnc ':7' listens at 127.0.0.1 only; name 0.0.0.0 to listen everywhere"),
    (f"-no-shutdown -display none {GONE}", "note: -no-shutdown has no effect: the run ends where the guest powers off"),
    (f"-device pc-testdev -display none {GONE}", "note: -device 'pc-testdev' is left out"),
    (f"-display none -netdev user,id=n -kernel {GONE}", "note: -netdev 'user,id=n' is not used: no adapter is on it"),
    (f"-display none -hdb {GONE}", f"note: -hdb '{GONE}' is IDE drive 0 for the guest, not 1"),
]

# Says what it does on COM1, then as DO says: ends by port F4h, or shuts down.
MULTIBOOT = """
bits 32
org 0x100000
head: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), head, head, 0, 0, start
start: mov esi, text
next: mov dx, 0x3FD
wait_: in al, dx
    test al, 0x20
    jz wait_
    lodsb
    test al, al
    jz done
    mov dx, 0x3F8
    out dx, al
    jmp next
done:
%ifdef FAULT
    lidt [none]
    ud2
none: dw 0, 0, 0
%else
    xor eax, eax
    out 0xF4, al
%endif
    cli
    hlt
    jmp $
text: db "PASS: multiboot", 10, 0
"""


class Test:
    def __init__(self, program, tmp):
        self.program, self.tmp, self.failures = program, tmp, 0

    def report(self, good, what):
        print("ok  " if good else "FAIL", what, flush=True)
        self.failures += not good

    def start(self, args, **kw):
        return subprocess.run([self.program, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **kw)

    def messages(self):
        for line, expected in REFUSED + TAKEN:
            done = self.start(line.split(), cwd=self.tmp)
            said = done.stderr.splitlines()
            good = done.returncode == 1 and said and said[-1] == "novt-qemu: " + expected and all(s.startswith("novt-qemu: ") for s in said)
            self.report(good, line if good else f"{line}: code {done.returncode}, {done.stderr!r}, expected {expected!r}")
        for line, expected in NOTED:
            said = self.start(line.split(), cwd=self.tmp).stderr.splitlines()
            self.report(said.count("novt-qemu: " + expected) == 1, f"{line}: {said}")

    def help(self):
        self.report("-netdev" in self.start(["-help"]).stdout, "-help")
        self.report(self.start(["-version"]).stdout.startswith("novt-qemu "), "-version")

    def assemble(self, *defines):
        source, out = os.path.join(self.tmp, "kernel.asm"), os.path.join(self.tmp, "kernel")
        open(source, "w").write(MULTIBOOT)
        subprocess.run(["nasm", "-f", "bin", *defines, "-o", out, source], check=True)
        return out

    def unit_test(self):
        """As kvm-unit-tests do: 0 at the port is exit code 1."""
        done = self.start(["-nodefaults", "-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-vnc", "none",
                           "-serial", "stdio", "-machine", "accel=tcg", "-kernel", self.assemble(), "-smp", "1"])
        self.report(done.returncode == 1 and "PASS: multiboot" in done.stdout, f"debug exit: code {done.returncode}, {done.stdout[-200:]!r}")

    def triple_fault(self):
        done = self.start(["-nographic", "-net", "none", "-no-reboot", "-kernel", self.assemble("-DFAULT")])
        self.report(done.returncode == 0 and "PASS: multiboot" in done.stdout, f"triple fault: code {done.returncode}, {done.stdout[-200:]!r}")

    def no_port(self):
        """Without the device the port is nothing; the machine halts for good, so SIGTERM ends it."""
        child = subprocess.Popen([self.program, "-nographic", "-net", "none", "-kernel", self.assemble()],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        while b"PASS" not in (line := child.stdout.readline()) and line:
            pass
        try:
            code = child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            child.terminate()
            code = "none"
            child.wait(timeout=30)
        child.stdout.close()
        self.report(b"PASS" in line and code == "none", f"no debug exit port unless asked for: code {code}")

    def linux(self, guests):
        argv = [self.program, "-kernel", os.path.join(guests, "vmlinuz-686"), "-initrd", os.path.join(guests, "initramfs.gz"), "-append",
                "console=ttyS0 panic=-1", "-nographic", "-no-reboot", "-m", "256"]
        with Child(argv, None) as child:
            linux_session.boot(child)
            linux_session.poweroff(child)
        self.report(True, "Linux to the prompt and off: exit code 0")

    def runs(self):
        if shutil.which("nasm") and os.path.exists(FIRMWARE):
            self.unit_test()
            self.triple_fault()
            self.no_port()
        guests = os.environ.get("NOVT_GUESTS") or os.path.join(ROOT, "build", "guests")
        if os.path.exists(os.path.join(guests, "vmlinuz-686")) and os.path.exists(FIRMWARE):
            self.linux(guests)
        else:
            print("left out: Linux, which scripts/guests has not fetched")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        test = Test(os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "novt-qemu"), tmp)
        test.messages()
        test.help()
        test.runs()
    return int(test.failures != 0)


if __name__ == "__main__":
    sys.exit(main())
