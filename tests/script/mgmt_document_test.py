#!/usr/bin/env python3
"""mgmt_document_test.py NOVT: docs/CONSOLE.md shows what happens: its transcript of the protocol is replayed byte by byte, but for
times and the version; the commands it lists are there."""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "CONSOLE.md")
CHANGES = re.compile(rb'"(seconds|microseconds)":\d+|"package":"novt [^"]*"')


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)


def transcript(text):
    """Lines of the first block: (is it the client's, bytes)."""
    block = re.search(r"^\n((?: {4}.*\n)+)", section(text, "For programs"), re.M).group(1)
    lines = [line[4:].encode() for line in block.splitlines()]
    return [(line.startswith(b'{"execute"'), line) for line in lines]


def replay(path, lines):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        f = s.makefile("rb")
        for mine, line in lines:
            if mine:
                s.sendall(line + b"\n")
                continue
            got = f.readline()
            check(CHANGES.sub(rb"\1", got) == CHANGES.sub(rb"\1", line) + b"\r\n", f"the document has {line}, the machine {got}")


def commands(text, q):
    part = section(text, "For programs")
    listed = re.search(r"^\* Commands of QEMU: (.*?)\.\n", part, re.M | re.S).group(1)
    listed = set(re.findall(r"`([^`]+)`", listed))
    there = {c["name"] for c in q.command("query-commands") if not c["name"].startswith(("x-novt-", "qmp_capabilities", "query-schema"))}
    check(listed == there, f"commands of QEMU's: only in the document {listed - there}, only in the machine {there - listed}")


def lines(text, q):
    """What the tables say in front of a row is a command that the console knows."""
    known = q.text("help")
    for name in "info blockstats", "info usb", "info roms", "info memory_size_summary", "info pci", "tc stat", "mmu walk", "trace on":
        short = name.removeprefix("info ")
        check(re.search(rf"`[^`]*\b{re.escape(short)}\b", text) and re.search(rf"^{re.escape(name)}\b", known, re.M), name)


def main():
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()
    with Machines(sys.argv[1]) as machines:
        machines.start("web")
        found = transcript(text)
        check(sum(mine for mine, _ in found) >= 2 and len(found) >= 6, "the document has a transcript")
        replay(machines.path("web"), found)
        q = machines.qmp("web")
        commands(text, q)
        lines(text, q)
        q.command("quit")


if __name__ == "__main__":
    main()
