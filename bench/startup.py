"""startup.py: how long a machine takes to get to a kernel that does nothing but end it: the process, the firmware, the loader."""
import os
import struct
import subprocess
import time

import nano
import report
from expect import Failure

LAUNCHES = 5
LOAD = 0x100000
MAGIC, ADDRESSES = 0x1BADB002, 0x10000
CODE = bytes([0xB0, 0x10, 0xE6, 0xF4, 0xF4])  # mov al, 10h; out F4h, al; hlt


def build(out):
    """A Multiboot kernel with explicit addresses: header, code."""
    path = os.path.join(out, "exit.bin")
    end = LOAD + 32 + len(CODE)
    header = struct.pack("<8I", MAGIC, ADDRESSES, -(MAGIC + ADDRESSES) & 0xFFFFFFFF, LOAD, LOAD, end, end, LOAD + 32)
    with open(path, "wb") as image:
        image.write((header + CODE).ljust(8192, b"\0"))
    return path


def launch(argv):
    start = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=nano.LIMIT)
    if done.returncode != nano.DONE:
        raise Failure(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr}")
    return time.monotonic() - start


def measure(novt, out, with_tcg, say):
    image = build(out)
    argvs = {"novt": nano.novt_argv(novt, image, "/dev/null")} | ({"tcg": nano.tcg_argv(image, "/dev/null")} if with_tcg else {})
    times = {system: [] for system in argvs}
    for _ in range(LAUNCHES):
        for system, argv in argvs.items():
            times[system].append(launch(argv))
    say("start-up: " + ", ".join(f"{system} {min(t) * 1e3:.0f} ms" for system, t in times.items()))
    return {system: report.spread(t) for system, t in times.items()}
