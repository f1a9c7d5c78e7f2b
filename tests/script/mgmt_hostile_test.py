#!/usr/bin/env python3
"""mgmt_hostile_test.py NOVT: clients that do everything wrong: each gets a clear error or is dropped, and neither the machine
nor the other clients notice."""
import json
import os
import resource
import select
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

PARSE = "JSON parse error"
# What is sent, the class of the error, what its text holds; each on its line.
WRONG = [
    (b'{"execute":\n', PARSE),
    (b'{"execute": "query-status"\n', PARSE),
    (b'{"execute": "query-st\n', PARSE),
    (b"query-status\n", PARSE),
    (b"\n\n}\n", PARSE),
    (b"\xff\xfe\x00\n", PARSE),
    (b'{"execute": "\xff"}\n', PARSE),
    (b'{"execute": "\\ud800"}\n', PARSE),
    (b'{"execute": "a\\u0000b"}\n', PARSE),
    (b'{"execute": "a\x00b"}\n', PARSE),
    (b'{"execute": "stop", "execute": "cont"}\n', PARSE),
    (b'{"execute": "query-status",}\n', PARSE),
    (b'{"execute": ]\n', PARSE),
    (b'{"a":' * 65 + b"1" + b"}" * 65 + b"\n", "nested too deeply"),
    (b"[" * 100000 + b"\n", "nested too deeply"),
    (b"[1]\n", "must be a JSON object"),
    (b"{}\n", "lacks member 'execute'"),
    (b'{"execute": 1}\n', "'execute' must be a string"),
    (b'{"execute": "stop", "arguments": [1]}\n', "'arguments' must be an object"),
    (b'{"execute": "stop", "argument": {}}\n', "'argument' is unexpected"),
    (b'{"execute": ""}\n', "has not been found"),
    (b'{"execute": "%s"}\n' % (b"x" * 100000), "has not been found"),
    (b'{"execute": "\\u00e9%n%s"}\n', "has not been found"),
    (b'{"execute": "x-novt-memory", "arguments": {"address": 1e3, "size": 1}}\n', "expected: integer"),
    (b'{"execute": "x-novt-memory", "arguments": {"address": 99999999999999999999, "size": 1}}\n', PARSE),
    (b'{"execute": "x-novt-memory", "arguments": {"address": -1, "size": 4096, "physical": true}}\n', "there is no memory"),
    (b'{"execute": "x-novt-memory", "arguments": {"address": 4276092928, "size": 4, "physical": true}}\n', "device lapic"),
    (b'{"execute": "send-key", "arguments": {"keys": 1}}\n', "must be a list"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": 256}]}}\n', "no key '0x100'"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": -1}]}}\n', "no key"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": "1"}]}}\n', "type qcode or number"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "letter", "data": 1}]}}\n', "type qcode or number"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": 30}], "hold-time": 0}}\n', "1 to 10000 ms"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": 30}], "hold-time": 10001}}\n', "1 to 10000 ms"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "number", "data": 30}], "hold-time": -5}}\n', "1 to 10000 ms"),
    (b'{"execute": "send-key", "arguments": {"keys": [%s1]}}\n' % (b"1," * 99), "1 to 16 keys"),
    (b'{"execute": "send-key", "arguments": {"keys": [{"type": "qcode", "data": "nokey"}]}}\n', "no key 'nokey'"),
    (b'{"execute": "screendump", "arguments": {"filename": "/nowhere/x.png"}}\n', "No such file"),
    (b'{"execute": "screendump", "arguments": {"filename": "/dev/full"}}\n', "cannot write"),
    (b'{"execute": "screendump", "arguments": {"filename": "x", "format": "gif"}}\n', "must be one of png|ppm|txt"),
    (b'{"execute": "eject", "arguments": {"device": "floppy9"}}\n', "no drive 'floppy9'"),
    (b'{"execute": "eject"}\n', "'device' is missing"),
    (b'{"execute": "blockdev-change-medium", "arguments": {"device": "floppy0", "filename": "/nowhere"}}\n', "No such file"),
    (b'{"execute": "blockdev-change-medium", "arguments": {"device": "floppy0", "filename": "%s"}}\n' % (b"x" * 5000), "too long"),
    (b'{"execute": "x-novt-line", "arguments": {"line": "%s"}}\n' % (b"\\u00e9" * 10000), "unknown command"),
]


def wrong_messages(q):
    for data, expected in WRONG:
        message = q.raw(data)
        check("error" in message and expected in message["error"]["desc"], f"{data[:60]!r}: {message}")
    check(q.raw(b'{"execute": "fly", "id": [{}, "\xc3\xa9"]}')["id"] == [{}, "é"], "an error has its request's id")
    check(q.command("query-status")["running"], "and all goes on")


def long_lines(machines, q):
    q.send(b'{"execute": "' + b"x" * (10 << 20) + b'"}\n')
    check("longer than 1 MiB" in q.answer()["error"]["desc"], "a line of 10 MB")
    q.send(b"x" * (10 << 20) + b"\n")
    check(PARSE in q.answer()["error"]["desc"], "10 MB that are no JSON")
    with machines.qmp("one").socket as s:  # without an end, and gone
        s.sendall(b'{"a": "' + b"x" * (3 << 20))
    check(q.command("query-status")["running"], "a client that goes away in the middle of a line")


def pieces(machines):
    q = machines.qmp("one")
    for byte in b'{"execute": "query-name", "id": 1}':
        q.send(bytes([byte]))
    check(q.answer() == {"return": {"name": "one"}, "id": 1}, "a message byte by byte, without an end of line")
    q.send(b'{"execute": "query-name", "id": 1}' * 100 + b"\n")
    check([q.answer()["id"] for _ in range(100)] == [1] * 100, "a hundred messages at once")
    q.close()


def crowd(machines, q):
    """Only so many are served; the others hear why. Those that leave make room."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4096), limit[1]))
    clients, refused = [], 0
    for _ in range(1000):
        s = socket.socket(socket.AF_UNIX)
        s.connect(machines.path("one"))
        s.settimeout(60)
        clients.append(s)
    for s in clients:
        refused += b"too many clients" in s.recv(4096)
    check(900 < refused < 1000, f"1,000 connections: {refused} are refused")
    check(q.command("query-status")["running"], "those there before are served on")
    for s in clients:
        s.close()
    q.command("query-status")
    for _ in range(100):
        machines.qmp("one").close()
    check(True, "when they are gone others come in")


def deaf(machines, q):
    """Clients that never read: their answers pile up to a limit, then they are not read from; after 10 seconds they are out."""
    deaf_ones = []
    for _ in range(4):
        s = socket.socket(socket.AF_UNIX)
        s.connect(machines.path("one"))
        s.setblocking(False)
        s.sendall(b'{"execute": "qmp_capabilities"}')
        request, sent = b'{"execute": "query-schema"}\n' * 1000, 0
        try:
            while sent < 8 << 20:
                sent += s.send(request)
        except BlockingIOError:
            pass
        deaf_ones.append(s)
        check(sent < 8 << 20, f"a client that does not read is not read from, after {sent} bytes")
    for _ in range(200):
        q.command("stop")
        q.command("cont")
    check(len(q.events) >= 300, "events still reach those who read")
    return deaf_ones


def dropped(deaf_ones):
    for s in deaf_ones:
        p = select.poll()
        p.register(s, 0)
        check(p.poll(60000) != [], "a client that takes nothing is dropped")
        s.settimeout(60)
        total = 0
        try:
            while data := s.recv(1 << 20):
                total += len(data)
        except ConnectionResetError:
            pass
        check(total < 64 << 20, "what waited for it was bounded")
        s.close()


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("RssAnon")).split()[1])


def main():
    with Machines(sys.argv[1]) as machines:
        os.mkdir(os.path.join(machines.run_dir, "novt"), 0o700)
        image = machines.file("floppy.img", bytes(1440 << 10))
        child = machines.start("one", "--floppy", image, stderr=subprocess.PIPE)
        q = machines.qmp("one")
        before = memory_kib(child.pid)
        wrong_messages(q)
        long_lines(machines, q)
        pieces(machines)
        crowd(machines, q)
        deaf_ones = deaf(machines, q)
        dropped(deaf_ones)
        check(memory_kib(child.pid) - before < 96 << 10, "and memory is given back")
        check(json.dumps(q.command("query-status")["status"]) == '"running"', "the machine runs as if nothing had been")
        q.command("quit")
        check(child.wait(60) == 0 and child.stderr.read() == b"", "and has nothing to complain of")


if __name__ == "__main__":
    main()
