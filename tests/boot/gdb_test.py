#!/usr/bin/env python3
"""gdb_test.py NOVT GUESTS: real gdb debugs a booting Linux: breakpoints at kernel symbols, registers, memory, steps, a
watchpoint, Ctrl-C, and on to the prompt. Then a 16-bit guest, and clients that send rubbish.

Skips (77) without the guest or gdb.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kernel_symbols  # noqa: E402
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = r"^(?:\x1b\[\?2004h)?\(gdb\) "


def gdb(commands=()):
    args = ["gdb", "-q", "-nx", "-ex", "set confirm off", "-ex", "set pagination off", "-ex", "set width 0",
            "-ex", "set style enabled off", "-ex", "set debuginfod enabled off", "-ex", "set tcp connect-timeout 60"]
    for c in commands:
        args += ["-ex", c]
    child = Child(args, env={"TERM": "dumb", "INPUTRC": "/dev/null"})
    child.expect(PROMPT, 20)
    return child


def pc_of(child):
    return int(re.search(r"= (0x[0-9a-f]+)", child.command("p/x $eip", PROMPT)).group(1), 16)


def symbol_file(path, at):
    """What a vmlinux is for gdb: functions by name, without their code."""
    names = sorted((address, name) for name, address in at.items() if name in ("start_kernel", "do_idle", "schedule", "rest_init"))
    base, text = names[0][0], '.section kernel,"ax",@nobits\nbase: .skip 0x%x\n' % (names[-1][0] - names[0][0] + 64)
    for address, name in names:
        text += ".globl %s\n.type %s,@function\n.size %s,64\n.set %s, base + 0x%x\n" % (name, name, name, name, address - base)
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-x", "assembler", "-", "-o", path, "-Wl,-e,0,--build-id=none",
                    "-Wl,--section-start=kernel=0x%x" % base], input=text, text=True, check=True)


def linux(novt, guests, tmp):
    table = kernel_symbols.symbols(os.path.join(guests, "vmlinuz-686"))
    at = {name: address for address, _, name in table}
    sock, vmlinux = os.path.join(tmp, "gdb"), os.path.join(tmp, "vmlinux")
    symbol_file(vmlinux, at)
    args = [novt, "run", "--memory", "128M", "--net", "none", "-S", "--gdb", "unix:" + sock, "--kernel",
            os.path.join(guests, "vmlinuz-686"), "--initrd", os.path.join(guests, "initramfs.gz"), "--append",
            "console=ttyS0 nokaslr"]
    with Child(args) as vm:
        while not os.path.exists(sock) and vm.read(0.1):
            pass
        with gdb(["target remote " + sock]) as child:
            check(pc_of(child) == 0xfffffff0, "it stands at the reset vector", child)
            child.command("symbol-file " + vmlinux, PROMPT)
            child.command("break *start_kernel", PROMPT)
            out = child.command("continue", PROMPT, 120)
            check(re.search(r"Breakpoint 1, 0x%08x in start_kernel \(\)" % at["start_kernel"], out), "gdb names where it stops", child)
            check(pc_of(child) == at["start_kernel"], "it stops at start_kernel", child)
            call = re.search(r"call +(0x[0-9a-f]+)", child.command("x/i $eip", PROMPT)) # every function's entry hook
            child.command("stepi", PROMPT)
            check(pc_of(child) == int(call.group(1), 16), "stepi follows a call", child)
            child.command("stepi", PROMPT)
            check(pc_of(child) != int(call.group(1), 16), "and goes on", child)
            check("Linux version" in child.command("x/s 0x%x" % at.get("linux_banner", 0), PROMPT) or
                  "linux_banner" not in at, "memory is the kernel's", child)
            out = child.command("info registers", PROMPT)
            check(re.search(r"^cs +0x60 ", out, re.M) and re.search(r"cr0 +0x8", out), "registers are the guest's", child)
            child.command("set $ebx = 0x12345678", PROMPT)
            check("0x12345678" in child.command("p/x $ebx", PROMPT), "a register can be set", child)
            child.command("delete", PROMPT)
            # What a stack slot is written with: the next push or call.
            child.command("watch *(int *)($esp - 4)", PROMPT)
            out = child.command("continue", PROMPT, 120)
            check("atchpoint" in out and "New value" in out, "a watchpoint stops at a write", child)
            child.command("delete", PROMPT)
            child.command("hbreak *0x%x" % at["do_idle"], PROMPT)
            child.command("continue", PROMPT, 120)
            check(pc_of(child) == at["do_idle"], "it stops at do_idle by a hardware breakpoint", child)
            child.command("delete", PROMPT)
            child.send("continue\n")
            child.expect(r"Continuing\.", 20)
            linux_session.boot(vm)
            # The prompt may be there since before do_idle; an answer shows that gdb waits by now.
            check("42" in vm.command("echo $((6*7))", linux_session.PROMPT), "the machine runs", vm)
            child.send("\x03")
            child.expect(r"SIGINT(.|\n)*" + PROMPT, 20)
            check("SIGINT" in child.text, "Ctrl-C stops it", child)
            check("Cannot access" in child.command("x/x 0x10", PROMPT), "what is not mapped is an error", child)
            out = child.command("monitor info status", PROMPT)
            check("VM status: paused" in out, "monitor reaches the console", child)
            check(re.search(r"^EIP=[0-9a-f]{8} ", child.command("monitor info registers", PROMPT), re.M), "registers by monitor", child)
            check("%08x schedule+0x0" % at["schedule"] in child.command("monitor info symbol schedule", PROMPT), "symbols by monitor", child)
            out = child.command("monitor help", PROMPT)
            check("info registers -- " in out and "info symbol address -- " in out and len(out) > 3000, "long answers come in parts", child)
            check("unknown command: 'fly'" in child.command("monitor fly", PROMPT), "an unknown command", child)
            child.command("detach", PROMPT)
        check("42" in vm.command("echo $((6*7))", linux_session.PROMPT), "it goes on after detach", vm)
        rubbish(sock)
        check("42" in vm.command("echo $((6*7))", linux_session.PROMPT), "rubbish did it no harm", vm)
        linux_session.poweroff(vm)


def packet(text):
    return b"$" + text + b"#%02x" % (sum(text) & 255)


def rubbish(sock):
    big = b"A" * 100000
    for data in (b"$g#00", b"$" + big + b"#00", packet(b"m0,ffffffff"), packet(b"M0,ffffffff:00"), packet(b"Z0,zz"),
                 packet(b"Z9,0,1"), packet(b"Z2,fffffff0,ffffffff"), packet(b"p999"), packet(b"P999=00"), packet(b"G12"),
                 packet(b"m" + b"f" * 40 + b",1"), packet(b"X0,5:ab"), packet(b"qXfer:features:read:target.xml:ffffffff,1"),
                 packet(b"vCont;"), packet(b"qRcmd,"), packet(b"qRcmd,6"), packet(b"qRcmd,zz"), packet(b"qRcmd," + b"61" * 3500),
                 packet(b"qRcmd,ff00ff"), packet(b""), b"\x03\x03\x03", b"#####$$$$", packet(b"P28=ffffffff"), bytes(range(256))):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(sock)
            s.sendall(data)
            s.sendall(packet(b"qC"))
            answer = b""
            while b"QC01" not in answer:
                more = s.recv(4096)
                if not more:
                    sys.exit("FAILED: no answer after %r" % data[:30])
                answer += more
            s.sendall(packet(b"D"))
            s.recv(4096)


REAL = bytes((0xB8, 0x34, 0x12,      # 0: mov ax, 1234h
              0x89, 0xC3,            # 3: mov bx, ax
              0xA3, 0x00, 0x02,      # 5: mov [200h], ax
              0xF4, 0xEB, 0xFD))     # 8: hlt; jmp 8


def sixteen_bit(novt, tmp):
    image, sock = os.path.join(tmp, "real.bin"), os.path.join(tmp, "gdb16")
    with open(image, "wb") as f:
        f.write(REAL)
    with Child([novt, "run", "-S", "--gdb", "unix:" + sock, "--serial", "none", "--flat-image", image, "--flat-address", "0x10000",
                "--flat-real"]) as vm:
        while not os.path.exists(sock) and vm.read(0.1):
            pass
        with gdb(["set architecture i8086", "target remote " + sock]) as child:
            check(pc_of(child) == 0x10000, "eip is linear: CS base and EIP", child)
            out = child.command("x/3i $eip", PROMPT)
            check(re.search(r"mov +\$0x1234,%ax", out), "16-bit code is shown", child)
            child.command("break *0x10005", PROMPT)
            child.command("continue", PROMPT)
            check(pc_of(child) == 0x10005, "it stops in real mode", child)
            check("0x1234" in child.command("p/x $ebx & 0xffff", PROMPT), "16-bit code has run", child)
            child.command("stepi", PROMPT)
            check("0x1234" in child.command("x/1xh $ds_base + 0x200", PROMPT), "a step writes memory", child)
            child.send("kill\n")
            check(vm.wait(60) == 0, "kill ends the machine", vm)


def main():
    novt, guests = sys.argv[1:3]
    if not shutil.which("gdb") or not os.path.exists(os.path.join(guests, "vmlinuz-686")):
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="novt-gdb-") as tmp:
        sixteen_bit(novt, tmp)
        linux(novt, guests, tmp)


if __name__ == "__main__":
    main()
