#!/usr/bin/env python3
"""mgmt_threads_test.py NOVT: commands on the console's thread and on gdb's at once: each gets its own answers. The machine stands
still, so it also runs under ThreadSanitizer (docs/TESTING.md), which holds back the signals that a running one needs."""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

ROUNDS = 12
LINES = ["info registers", "info status", "tc stat", "tc list", "mmu spaces", "mmu walk 0x1000", "exits", "io", "irq", "info pic", "info mtree",
         "info pci", "info qtree", "info roms", "info block", "info blockstats", "x/4i 0", "x/4xw 0x1000", "sum 0 4096", "p/x 1+2", "help",
         "info stats", "trace on io if $port == 1", "trace show", "trace off", "exits on", "exits --top", "exits off", "fly", "info version"]


class Gdb:
    """Only what `monitor LINE` needs of gdb's protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def packet(self):
        while self.file.read(1) != b"$":
            pass
        data = b""
        while (c := self.file.read(1)) != b"#":
            data += c
        self.file.read(2)
        self.socket.sendall(b"+")
        return data

    def monitor(self, line):
        body = b"qRcmd," + line.encode().hex().encode()
        self.socket.sendall(b"$" + body + b"#%02x" % (sum(body) & 255))
        text = b""
        while (part := self.packet()) != b"OK":
            text += bytes.fromhex(part[1:].decode())
        return text.decode()


def steady(line):
    """What a machine that stands still answers always."""
    return line.split()[0] in ("x/4i", "x/4xw", "sum", "p/x", "help", "fly") or line in ("info registers", "info pci", "info mtree", "info version")


def at_once(askers, wanted):
    wrong = []

    def ask(who, start):
        try:
            for i in range(ROUNDS * len(LINES)):
                line = LINES[(start + i) % len(LINES)]
                got = who(line)
                if steady(line) and got != wanted[line]:
                    wrong.append((line, got))
        except Exception as e:  # noqa: BLE001 (it is told below)
            wrong.append((line, repr(e)))

    threads = [threading.Thread(target=ask, args=(who, 7 * i)) for i, who in enumerate(askers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return wrong


def main():
    with Machines(sys.argv[1]) as machines:
        path = os.path.join(machines.run_dir, "gdb")
        machines.start("one", "-S", "--gdb", f"unix:{path}")
        q = [machines.qmp("one") for _ in range(2)]
        gdb = Gdb(path)
        wanted = {line: q[0].text(line) for line in LINES if steady(line)}
        check("EIP=00000000" in wanted["info registers"] and "unknown command" in wanted["fly"], "the lines are answered")
        wrong = at_once([q[0].text, q[1].text, gdb.monitor], wanted)
        check(not wrong, f"all get their own answers: {wrong[:1]}")
        check("only a connection" in gdb.monitor("trace on --push io"), "events are not pushed to gdb")
        q[0].command("quit")


if __name__ == "__main__":
    main()
