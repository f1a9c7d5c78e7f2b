#!/usr/bin/env python3
"""screen_test.py NOVT: what guests show on the screen: firmware's text, pictures as QEMU shows them, scripts, VNC.

Needs nasm; comparisons are left out without qemu-system-i386. Under a minute.
"""
import os
import shutil
import socket
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
        raw.close()
        packed.send(b"\xff" * 100)  # nonsense: the server hangs up and lives on
        VncClient(port).close()
        check(True, "a client that talks nonsense harms nobody")
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
