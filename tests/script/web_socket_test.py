#!/usr/bin/env python3
"""web_socket_test.py NOVT: /ws/screen and /ws/serial of the web console without a browser: who gets in, what the two carry,
hostile frames, a hundred connections, one that reads nothing."""
import contextlib
import os
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402
from vnc_client import VncClient  # noqa: E402
from web_machine import WebMachine  # noqa: E402
from web_socket_client import BINARY, CLOSE, PING, PONG, TEXT, Refused, WebSocket, frame  # noqa: E402

# l: mov dx,3fdh; in al,dx; test al,1; jz l; mov dx,3f8h; in al,dx; xor al,20h; out dx,al; jmp l: answers in the other case.
ECHO = bytes.fromhex("66bafd03 ec a801 74f7 66baf803 ec 3420 ee ebed")
# mov dx,3f8h; mov al,'x'; l: out dx,al; inc dword [2000h]; jmp l: says x for ever, and counts.
FLOOD = bytes.fromhex("66baf803 b078 ee ff0500200000 ebf7")


class WebVnc(VncClient):
    def _connect(self, machine, wait):
        return machine.open("/ws/screen")


def who_gets_in(m):
    other = f"http://127.0.0.1:{m.port + 1}"
    for path in ["/ws/screen", "/ws/serial"]:
        for what, headers in {"no token": {"Cookie": None}, "a wrong token": {"Cookie": f"novt-{m.port}={'0' * 32}"},
                              "another name": {"Host": f"evil.example:{m.port}"}, "no origin": {"Origin": None},
                              "another origin": {"Origin": "http://evil.example"}, "another port": {"Origin": other},
                              "a null origin": {"Origin": "null"}, "https": {"Origin": f"https://127.0.0.1:{m.port}"},
                              "cross-site": {"Sec_Fetch_Site": "cross-site"}, "same-site": {"Sec_Fetch_Site": "same-site"}}.items():
            check(m.refused(path, **headers) == 403, f"{path} with {what}")
        for what, headers in {"no upgrade": {"Upgrade": None}, "another protocol": {"Upgrade": "h2c"},
                              "an older version": {"Sec_WebSocket_Version": "8"}, "no key": {"Sec_WebSocket_Key": None},
                              "a bad key": {"Sec_WebSocket_Key": "x"}}.items():
            check(m.refused(path, **headers) == 426, f"{path} with {what}")
    for path in ["/ws/", "/ws/other", "/ws/serial/", "/ws/../ws/serial"]:
        check(m.refused(path) == 404, path)
    check(m.refused("/ws/serial", Upgrade="foo, WebSocket", Connection="keep-alive, Upgrade", Origin=f"http://127.0.0.1:{m.port}",
                    Sec_Fetch_Site="same-origin") is None, "lists of words, our page")


def serial(m):
    s = m.open("/ws/serial", first=frame(BINARY, b"hel"))
    s.send(b"lo")
    check(s.until(b"HELLO"), "typed and answered, the first bytes right behind the request")
    other = m.open("/ws/serial")
    check(other.until(b"HELLO"), "history")
    s.send(b"wo", fin=False)
    s.send(b"pingpong", PING)
    s.send(b"rld", 0)
    got = [s.message()]
    while b"WORLD" not in b"".join(data for op, data in got if op == BINARY):
        got.append(s.message())
    check((PONG, b"pingpong") in got, "a ping between fragments")
    check(b"WORLD" in other.until(b"WORLD"), "all see the line")
    s.send(struct.pack(">H", 1000), CLOSE)
    check(s.ended() == 1000, "a close is answered")


def hostile(m):
    big = b"\x82\xff" + struct.pack(">Q", 1 << 63) + b"mask"
    for what, data, code in [("unmasked", frame(BINARY, b"x", mask=None), 1002), ("reserved bits", frame(BINARY, b"x", reserved=4), 1002),
                             ("text", frame(TEXT, b"x"), 1003), ("too large", big, 1009), ("unknown", frame(3, b"x"), 1002),
                             ("a ping in fragments", frame(PING, b"x", fin=False), 1002), ("a long ping", frame(PING, b"x" * 126), 1002),
                             ("a message that goes on from nothing", frame(0, b"x"), 1002), ("a bad close", frame(CLOSE, b"\0"), 1002),
                             ("a close with 1005", frame(CLOSE, struct.pack(">H", 1005)), 1002)]:
        s = m.open("/ws/serial")
        s.sock.sendall(data)
        check(s.ended() == code, f"{what}: closed with {code}")
    s = m.open("/ws/serial")
    s.sock.sendall(b"\x82\xfe\x01")  # half a head
    s.close()
    with contextlib.suppress(OSError):  # it may hang up meanwhile
        s = m.open("/ws/screen")
        s.send(os.urandom(5000))
        check(s.ended() in (1001, None), "nonsense to the VNC server")
    s = m.open("/ws/serial")
    s.send(b"still here")
    check(s.until(b"STILL\0HERE"), "others go on")


def screen(m, machines, qmp):
    client = WebVnc(m)
    client.update(0)
    ppm = os.path.join(machines.run_dir, "screen.ppm")
    qmp.command("stop")
    client.update(0)
    qmp.command("screendump", filename=ppm)
    with open(ppm, "rb") as f:
        head, size, depth, rgb = f.read().split(b"\n", 3)
    mine = bytes(client.pixels)
    seen = b"".join(mine[i + 2:i + 3] + mine[i + 1:i + 2] + mine[i:i + 1] for i in range(0, len(mine), 4))
    check(size.split() == [b"%d" % client.width, b"%d" % client.height] and seen == rgb, "the picture is the machine's")
    qmp.command("cont")
    client.sock.close()


def counter(qmp):
    return int(re.search(r": *(\S+)", qmp.text("xp/1xw 0x2000"))[1], 0)


def crowd(m, qmp):
    before = counter(qmp)
    kept, statuses = [], []
    for i in range(100):
        try:
            kept.append(m.open(["/ws/screen", "/ws/serial"][i % 2], timeout=3))
        except Refused as r:
            statuses.append(r.status)
        except (OSError, IndexError):  # the limit of all connections
            statuses.append(None)
    check(0 < len(kept) <= 16 and 503 in statuses, f"of 100 connections {len(kept)} are open")
    check(counter(qmp) != before, "the machine goes on")
    check(m.get("/") == 200, "pages are served")
    for s in kept:
        s.close()


def read(s, n):
    got = 0
    while got < n:
        got += len(s.recv(1 << 16))


def lazy(m, qmp):
    """One that reads nothing beside one that reads megabytes."""
    sleeper, reader = m.open("/ws/serial"), m.open("/ws/serial")
    read(reader, 1 << 20)  # by now all queues that fill are full
    before, memory = counter(qmp), m.memory_kib()
    read(reader, 4 << 20)
    check(counter(qmp) != before, "neither the other nor the machine waits for it")
    check(m.memory_kib() - memory < 2048, "what it does not read is not kept")
    sleeper.close()
    reader.close()


def main():
    with Machines(sys.argv[1]) as machines:
        machines.env.setdefault("ASAN_OPTIONS", "quarantine_size_mb=1")  # it counts as memory
        m = WebMachine(machines, "echo", "--serial", "null", "--flat-image", machines.file("echo.bin", ECHO), guest=False)
        qmp = machines.qmp("echo")
        who_gets_in(m)
        m.opened.close()
        before = m.fds()
        serial(m)
        hostile(m)
        screen(m, machines, qmp)
        m.opened.close()
        check(machines.novt_command("monitor", "echo", "info status").stdout, "the socket answers, too")
        check(m.fds() <= before + 6, "nothing stays open but the screen's thread")
        last = m.open("/ws/serial")
        qmp.command("quit")
        check(last.ended() == 1001 and last.reason == "the machine has ended", "the end is told")
        check(m.child.wait(20) == 0, "it ends")
        m = WebMachine(machines, "flood", "--serial", "null", "--flat-image", machines.file("flood.bin", FLOOD), guest=False)
        qmp = machines.qmp("flood")
        lazy(m, qmp)
        crowd(m, qmp)
        m.child.terminate()
        check(m.child.wait(20) == 0, "it ends in a crowd")
        m = WebMachine(machines, "bare", "--vga", "none")
        s = m.open("/ws/screen")
        check(s.ended() == 1011 and s.reason == "the machine has no screen", "a machine without a screen")


main()
