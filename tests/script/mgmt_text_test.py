#!/usr/bin/env python3
"""mgmt_text_test.py NOVT: the console's text commands: registers, memory, expressions, help, completion; and that guest
time and memory stand still while the machine is stopped."""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import COUNTER, Machines  # noqa: E402

# line, what the answer must match
LINES = [
    ("info status", r"VM status: paused\n$"),
    ("  info   status  ", r"VM status: paused\n$"),
    ("info name", r"one\n$"),
    ("info version", r"novt \d"),
    ("info cpus", r"\* CPU #0: thread_id=\d+\n$"),
    ("info registers", r"EAX=[0-9a-f]{8} EBX=00000000(?s:.)*\nCS =0008 00000000 ffffffff 00c09b00\n(?s:.)*MXCSR=00001f80\n"),
    ("x/4xb 0", r"00000000: 0xff 0x05 0x00 0x20\n$"),
    ("x /2i 0", r"0x00000000:  inc"),
    ("x/2i 0", r"0x00000000:  inc dword ptr \[0x2000\]\n0x00000006:  rdtsc\n$"),
    ("xp/1dh 6", r"0000000000000006: 12559\n$"),
    ("xp/1xw 0xa0000", r"00000000000a0000: 0x"),
    ("xp/1xw 0xfee00020", r"Error: .*device lapic: reading it might change something\n$"),
    ("xp/1xw 0xfffffffff", r"Error: there is no memory"),
    ("x/1xw 0xd0000000", r"Error: there is no memory"),
    ("x/3cb 0", r"00000000: '\\xff' '\\x05' '\\x00'\n$"),
    ("print $eip & 0", r"0\n$|0x0\n$"),
    ("p/d (2+3)*4-30/7%3", r"19\n$"),
    ("p ~0", r"0xffffffffffffffff\n$"),
    ("p/x $cs", r"0x8\n$"),
    ("p 1/0", r"Error: division by zero"),
    ("p $nothing", r"Error: no such register"),
    ("p 1+", r"Error: an address or expression is wanted"),
    ("p (1", r"Error: '\)' is missing"),
    ("p 1 2", r"Error: unexpected in an expression"),
    ("p " + "(" * 100, r"Error: too deep"),
    ("x/5000xb 0", r"Error: the count must be 1 to 4096"),
    ("x/xz 0", r"Error: bad format 'xz'"),
    ("x", r"Error: Parameter 'address' is missing"),
    ("stop now", r"Error: unexpected argument 'now'"),
    ("stop --now", r"Error: unknown option '--now'"),
    ("stop/4x", r"Error: 'stop\|s' takes no format"),
    ("fly", r"Error: unknown command: 'fly'"),
    ("", r"Error: there is no command"),
    ("help", r"info status -- (?s:.)*system_reset -- "),
    ("help info", r"^info status -- [^\n]*\ninfo cpus"),
    ("help stop", r"^stop\n(?s:.)*protocol: stop\n$"),
    ("help fly", r"Error: there is no command 'fly'"),
    ("x/2xb 4094", r"00000ffe: 0x00 0x00\n$"),
]
COMPLETIONS = [("sto", ["stop"]), ("info re", ["registers"]), ("fly", []), ("info registers ", []), ("system_r", ["system_reset"])]


def lines(q):
    for line, expected in LINES:
        got = q.text(line)
        check(re.search(expected, got), f"{line[:30]}: {got!r}")
    for line, expected in COMPLETIONS:
        check(q.command("x-novt-complete", line=line) == expected, f"completion of {line!r}")
    check({"status", "registers"} < set(q.command("x-novt-complete", line="info ")), "completion of a second word")
    check(q.command("x-novt-line", line="info status", json=True)["result"]["status"] == "paused", "a line's result as JSON")
    check(q.command("x-novt-line", line="info status") == {"text": "VM status: paused\n"}, "... and as text")
    check(q.error("x-novt-line", line="fly")[0] == "GenericError", "x-novt-line tells errors")


def memory(q):
    check(bytes.fromhex(q.command("x-novt-memory", address=0, size=len(COUNTER))["hex"]) == COUNTER, "the guest's code")
    for size in 0, 4097, -1:
        check("1 to 4096" in q.error("x-novt-memory", address=0, size=size)[1], f"size {size} is refused")
    check(q.error("x-novt-memory", address="0", size=1)[1] == "Invalid parameter type for 'address', expected: integer", "a type")
    check(q.error("x-novt-memory", size=1)[1] == "Parameter 'address' is missing", "a missing argument")


def count(q):
    data = bytes.fromhex(q.command("x-novt-memory", address=0x2000, size=12, physical=True)["hex"])
    return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")


def standstill(q):
    first = count(q)
    registers = q.command("x-novt-registers")
    for _ in range(50):
        q.command("query-status")
    check(count(q) == first and q.command("x-novt-registers") == registers, "memory and registers stand still")
    tsc = registers["tsc"]
    q.command("cont")
    while count(q)[0] == first[0]:
        pass
    q.command("stop")
    later = count(q)
    check(later[0] > first[0] and later[1] >= tsc, "it goes on, and its time with it")
    check(q.command("x-novt-registers")["tsc"] - tsc < 1 << 40, "by not too much")


def prompted(s, data=b""):
    """Sends; what comes before the next prompt."""
    s.sendall(data)
    got = b""
    while not got.endswith(b"(qemu) "):
        more = s.recv(65536)
        if not more:
            break
        got += more
    return got.removesuffix(b"(qemu) ")


def text_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        check(b"monitor - type 'help'" in prompted(s), "a text socket greets and prompts")
        s.sendall(b"info na")
        check(prompted(s, b"me\r\n") == b"one\r\n", "a line and its answer")
        check(b"unknown command: 'fly'" in prompted(s, b"fly\n"), "an unknown command")
        check(prompted(s, b"\n") == b"", "an empty line")
        check(b"longer than 4096" in prompted(s, b"x" * (10 << 20) + b"\n"), "a line of 10 MB")
        check(prompted(s, b"info status\n").startswith(b"VM status: "), "and it goes on")
        s.sendall(b"info status\n" * 4000)
        s.shutdown(socket.SHUT_WR)
        total = 0
        while data := s.recv(65536):
            total += data.count(b"VM status")
        check(total == 4000, f"many lines at once, and no more: {total} answers")


def main():
    with Machines(sys.argv[1]) as machines:
        monitor = os.path.join(machines.run_dir, "monitor")
        machines.start("one", "--monitor", f"unix:{monitor}")
        text_socket(monitor)
        q = machines.qmp("one")
        while count(q)[0] < 1000:
            pass
        q.command("stop")
        lines(q)
        memory(q)
        standstill(q)
        q.command("quit")


if __name__ == "__main__":
    main()
