#!/usr/bin/env python3
"""screen_test.py NOVT: what guests show on the screen: firmware's text, pictures as QEMU shows them, scripts, VNC.

Needs nasm; comparisons are left out without qemu-system-i386. Under a minute.
"""
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
from picture import pixels_apart, read_png, read_ppm  # noqa: E402
from vnc_client import VncClient, VncError  # noqa: E402

MODES = ["mode 13h", "mode X", "mode 12h, write modes", "CGA mode 4", "VBE 800x600x16", "mode 12h, line compare"]
LIMIT = 60
failures = 0


def check(ok, what):
    global failures
    failures += not ok
    print(f"{'ok  ' if ok else 'FAIL'} {what}", flush=True)
    return ok


# ---- Machines ----

def novt(program, script, directory, *options):
    path = os.path.join(directory, "script")
    with open(path, "w") as f:
        f.write(script)
    argv = [program, "run", "--script", path, "--timeout", str(LIMIT), *options]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT + 20)


def novt_picture(program, kernel, directory):
    png = os.path.join(directory, "novt.png")
    run = novt(program, f'wait serial "ready" 20\ndump {png}\nexit 9\n', directory, "--kernel", kernel, "--serial", "none")
    check(run.returncode == 9, f"the guest draws{': ' + run.stderr if run.returncode != 9 else ''}")
    return read_png(png) if run.returncode == 9 else None


def qemu_picture(kernel, directory):
    ppm, path = os.path.join(directory, "qemu.ppm"), os.path.join(directory, "monitor")
    argv = ["qemu-system-i386", "-accel", "tcg", "-nodefaults", "-vga", "std", "-display", "none", "-serial", "stdio",
            "-monitor", f"unix:{path},server,nowait", "-kernel", kernel, "-m", "64"]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        if b"ready" not in child.stdout.readline():
            return None
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.settimeout(20)
            s.sendall(f"screendump {ppm}\nquit\n".encode())
            while s.recv(4096):
                pass
        return read_ppm(ppm)
    finally:
        child.kill()
        child.wait()


# ---- Tests ----

def firmware(program, directory):
    text, png = os.path.join(directory, "bios.txt"), os.path.join(directory, "bios.png")
    run = novt(program, f'wait screen "No bootable device" 30\ndump {png}\nexit 8\n', directory, "--serial", "none",
               "--dump-screen", text)
    shown = open(text).read() if os.path.exists(text) else ""
    check(run.returncode == 8 and "SeaBIOS (version" in shown and "No bootable device" in shown, "SeaBIOS writes to the screen")
    width, height, rgb = read_png(png)
    check((width, height) == (720, 400) and 1000 < sum(b > 0x80 for b in rgb[0::3]) < 20000, "its picture has letters")


def scripts(program, directory):
    run = novt(program, 'wait screen "never" 1\n', directory, "--serial", "none")
    check(run.returncode == 4 and ":1: waited 1 s in vain" in run.stderr, "a wait in vain ends with code 4")
    run = novt(program, 'sleep 0.2\nfly\n', directory)
    check(run.returncode == 1 and ":2: unknown command" in run.stderr, "an error in the script is a bad option")
    run = novt(program, 'wait screen "No bootable" 30\nkey ctrl-alt-delete\nwait screen "No bootable" 30\npower\nwait end 5\n', directory,
               "--serial", "none")
    check(run.returncode == 0, "the power button without ACPI turns the machine off")
    run = novt(program, 'exit 3\n', directory, "--vga", "none", "--serial", "none")
    check(run.returncode == 3, "a machine without a display adapter runs scripts")


def pictures(program, directory):
    oracle = shutil.which("qemu-system-i386")
    for mode, name in enumerate(MODES):
        kernel = os.path.join(directory, "screen.bin")
        subprocess.run(["nasm", "-f", "bin", f"-DMODE={mode}", "-o", kernel, os.path.join(HERE, "guest", "screen.asm")], check=True)
        ours = novt_picture(program, kernel, directory)
        theirs = qemu_picture(kernel, directory) if oracle and ours else None
        if theirs:
            apart = pixels_apart(ours, theirs)
            check(apart == 0, f"{name}: {ours[0]}x{ours[1]} as QEMU's {theirs[0]}x{theirs[1]}, {apart:.2%} of the pixels differ")


def process_time(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hostile(port, witness):
    """Nonsense of many kinds; the server hangs up or goes on, and others see their picture."""
    greeting, hello = b"RFB 003.008\n", b"RFB 003.008\n\x01\x01"
    nonsense = [
        b"\xff" * 100, b"GET / HTTP/1.0\r\n\r\n", greeting + b"\x09", hello + b"\xff" * 5000,
        hello + struct.pack(">BxxxI", 6, 0xFFFFFFFF) + b"x" * 100000,  # endless text
        hello + struct.pack(">BxH", 2, 0xFFFF) + b"\0" * 9000,  # more encodings than anybody has
        hello + struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 0, 0, 0, 99, 99, 99),
        hello + struct.pack(">BxxxBBBBHHHBBBxxx", 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0) + struct.pack(">BBHHHH", 3, 0, 0, 0, 9, 9),
        hello + struct.pack(">BBHHHH", 3, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) * 500,
        hello + struct.pack(">BBHH", 5, 0xFF, 0xFFFF, 0xFFFF) * 1000,
        hello + struct.pack(">BxHHBx", 251, 1, 1, 255) * 1000,
        hello + struct.pack(">BBxxI", 4, 1, 0xFFFFFFFF) * 1000,
    ]
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # never say a word
    for data in nonsense:
        with socket.create_connection(("127.0.0.1", port)) as s:
            try:
                s.sendall(data)
            except OSError:
                pass  # hung up
        witness.update(0)
    slow = VncClient(port)  # asks and never reads
    for _ in range(1000):
        slow.send(struct.pack(">BBHHHH", 3, 0, 0, 0, 720, 400))
    witness.update(0)
    for encoding in (0, 6, 16) * 10:  # leaves while its picture is made
        hasty = VncClient(port, encodings=(encoding, -223))
        hasty.send(struct.pack(">BBHHHH", 3, 0, 0, 0, 720, 400))
        time.sleep(0.004 * (encoding % 5))
        hasty.close()
    witness.update(0)
    for s in idle:
        s.close()
    slow.close()
    check(sum(b > 0x80 for b in witness.rgb()) > 3000, "clients that talk nonsense, or nothing, harm nobody")


def capture(port, directory):
    """A client that is not ours."""
    if not shutil.which("gvnccapture"):
        print("skip: no gvnccapture")
        return
    png = os.path.join(directory, "gvnc.png")
    run = subprocess.run(["gvnccapture", f"127.0.0.1:{port - 5900}", png], capture_output=True, text=True, timeout=30)
    check(run.returncode == 0 and os.path.getsize(png) > 1000, f"gvnccapture takes a picture {run.stderr.strip()}")


def vnc(program, directory):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    if port < 5900:
        return
    argv = [program, "run", "--serial", "none", "--display", f"vnc=127.0.0.1:{port - 5900}", "--timeout", str(LIMIT)]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)
        raw, packed = VncClient(port), VncClient(port, encodings=(6, 0, -223))
        for client in (raw, packed):
            client.update(0)
            client.update(1) if (client.width, client.height) != (720, 400) else None
        check((raw.width, raw.height) == (720, 400) and sum(b > 0x80 for b in raw.rgb()) > 3000, "VNC shows the firmware's text")
        apart = sum(a != b for a, b in zip(raw.rgb(), packed.rgb()))
        check(apart < 3 * 9 * 16, "zlib encoding shows the same, but for the cursor")
        zrle = VncClient(port, encodings=(16, 6, 0, -223, -308, -258))
        while (zrle.width, zrle.height) != (720, 400) or not sum(zrle.rgb()):
            zrle.update(0)
        apart = sum(a != b for a, b in zip(raw.rgb(), zrle.rgb()))
        check(apart < 3 * 9 * 16, "ZRLE encoding shows the same, but for the cursor")
        tight = VncClient(port, encodings=(7, 6, 0, -223))
        while (tight.width, tight.height) != (720, 400) or not sum(tight.rgb()):
            tight.update(0)
        apart = sum(a != b for a, b in zip(raw.rgb(), tight.rgb()))
        check(apart < 3 * 9 * 16, "Tight encoding shows the same, but for the cursor")
        tight.close()
        check(zrle.key_codes and (0, 0) in zrle.answers, "it tells of key codes and of its size")
        zrle.send(struct.pack(">BxHHBxIHHHHI", 251, 800, 600, 1, 0, 0, 0, 800, 600, 0))
        zrle.update(0)
        check((1, 1) in zrle.answers and zrle.width == 720, "a client may not choose the size")
        zrle.key_code(0, 0x1D, 1)  # left Ctrl, by codes alone
        for down in (1, 0):
            zrle.key_code(0, 0x38, down)
        zrle.key_code(0, 0x1D, 0)
        hostile(port, raw)
        capture(port, directory)
        alone = VncClient(port, shared=0)
        alone.update(0)
        try:
            raw.update(0)
            check(False, "a client that wants to be alone is alone")
        except (VncError, OSError):
            check(True, "a client that wants to be alone is alone")
        stamp = process_time(child.pid)
        alone.close()
        time.sleep(1)
        check(process_time(child.pid) - stamp < 0.3, "it takes no time while nobody looks")
    except (VncError, OSError) as e:
        check(False, f"VNC: {e}")
    finally:
        child.terminate()
        check(child.wait(10) == 0, "it ends when asked to")


def main():
    program, start = os.path.abspath(sys.argv[1]), time.time()
    if not shutil.which("nasm"):
        print("SKIP: no nasm")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        for test in (firmware, scripts, pictures, vnc):
            test(program, directory)
    print(f"{failures} failures, {time.time() - start:.0f} s")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
