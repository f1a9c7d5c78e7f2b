#!/usr/bin/env python3
"""mgmt_stdio_test.py NOVT: the console on standard input and output and on a TCP port: both work, an end of input or a reader
that does not read harms nobody, a browser sent to the port achieves nothing; options that make no sense."""
import json
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

WRONG = [
    (["--qmp", "stdio", "--serial", "stdio"], "only one of serial, parallel, debugcon and the console (qmp, monitor) can use stdio"),
    (["--qmp", "stdio", "--monitor", "stdio"], "is one too many"),
    (["--qmp", "tcp:0.0.0.0:4444"], "must be unix:PATH, stdio or tcp:127.0.0.1:PORT"),
    (["--qmp", "tcp:127.0.0.1:0"], "must be unix:PATH"),
    (["--qmp", "tcp:127.0.0.1:65536"], "must be unix:PATH"),
    (["--monitor", "tcp:127.0.0.1:44x"], "must be unix:PATH"),
    (["--monitor", "tcp:127.0.0.1"], "must be unix:PATH"),
]


def run(machines, *options, program="novt"):
    argv = [machines.novt if program == "novt" else machines.novt + "-qemu", *(["run"] if program == "novt" else []), *options]
    child = subprocess.Popen(argv, env=machines.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    machines.children.append(child)
    return child


def message(child):
    return json.loads(child.stdout.readline())


def ask(child, text):
    child.stdin.write(text.encode() + b"\n")
    child.stdin.flush()
    answer = message(child)
    while "event" in answer:
        answer = message(child)
    return answer


def protocol(child, who):
    check("QMP" in message(child), f"{who}: the greeting")
    check(ask(child, '{"execute": "qmp_capabilities"}') == {"return": {}}, f"{who}: capabilities")
    check(ask(child, '{"execute": "query-status"}')["return"]["running"], f"{who}: a question")
    check(len(ask(child, '{"execute": "query-commands"}')["return"]) > 50, f"{who}: a long answer")
    check("error" in ask(child, "x"), f"{who}: an error, and it goes on")
    child.stdin.write(b'{"execute": "quit"}\n')
    child.stdin.flush()
    rest = [json.loads(line) for line in child.stdout]
    check(rest[0].get("event") == "SHUTDOWN" and rest[-1] == {"return": {}}, f"{who}: the end is told: {rest}")
    check(child.wait(60) == 0, f"{who}: quit")


def text(child, who):
    out = b""
    child.stdin.write(b"info status\nfly\nquit\n")
    child.stdin.flush()
    out = child.stdout.read()
    check(b"(qemu) VM status: running\r\n(qemu) Error: unknown command: 'fly'" in out, f"{who}: {out}")
    check(child.wait(60) == 0, f"{who}: quit")


def no_input(machines):
    child = run(machines, "--qmp", "stdio", "--net", "none", "--flat-image", machines.counter)
    child.stdin.close()
    check("QMP" in message(child), "without input there is a greeting")
    machines.wait_for(machines.path(str(child.pid)), child)
    with_socket = machines.qmp(str(child.pid))
    check(with_socket.command("query-status")["running"], "... and the machine goes on")
    child.send_signal(signal.SIGTERM)
    check(child.wait(60) == 0, "... to its end")


def no_reader(machines):
    child = run(machines, "--qmp", "stdio", "--name", "mute", "--net", "none", "--flat-image", machines.counter)
    machines.wait_for(machines.path("mute"), child)
    os.set_blocking(child.stdin.fileno(), False)
    requests = b'{"execute": "qmp_capabilities"}\n' + b'{"execute": "query-schema"}\n' * 1000
    try:
        while requests:
            requests = requests[os.write(child.stdin.fileno(), requests):]
    except (BlockingIOError, BrokenPipeError):
        pass
    q = machines.qmp("mute")
    check(q.command("query-status")["running"], "output that nobody reads keeps nobody waiting")
    q.command("quit")
    check(child.wait(60) == 0, "... and not the end")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def exchange(port, data):
    """All that comes back until the other side hangs up, or an answer to our last request."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(data)
        got = b""
        while more := s.recv(65536):
            got += more
            if b'"id":"last"' in got or got.endswith(b"(qemu) (end)"):
                break
        return got


POST = (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n"
        b'{"execute": "qmp_capabilities"}\r\n{"execute": "stop"}\r\n' b"stop\r\n")


def tcp(machines, program, *options):
    port, line_port = free_port(), free_port()
    where = "tcp:127.0.0.1:%d" + (",server=on,wait=off" if program == "novt-qemu" else "")
    dash = "-" if program == "novt-qemu" else "--"
    child = run(machines, f"{dash}qmp", where % port, f"{dash}monitor", where % line_port, f"{dash}name", "tcp", *options, program=program)
    machines.wait_for(machines.path("tcp"), child)
    got = exchange(port, b'{"execute": "qmp_capabilities"}{"execute": "query-name", "id": "last"}')
    check(b'{"return":{"name":"tcp"},"id":"last"}' in got, f"{program}: the protocol at a port: {got}")
    for p in port, line_port:
        got = exchange(p, POST)
        check(b'"return"' not in got and b"VM status" not in got, f"{program}: a browser's request is not obeyed: {got}")
    q = machines.qmp("tcp")
    check(q.command("query-status")["status"] != "paused", f"{program}: ... and has stopped nothing")
    with socket.create_connection(("127.0.0.1", line_port), timeout=60) as s:
        s.sendall(b"info name\n")
        got = b""
        while b"(qemu) tcp\r\n" not in got:
            got += s.recv(4096)
    check(True, f"{program}: lines at a port")
    q.command("quit")
    check(child.wait(60) == 0, f"{program}: quit")


def main():
    with Machines(sys.argv[1]) as machines:
        flat = ["--net", "none", "--flat-image", machines.counter]
        protocol(run(machines, "--qmp", "stdio", *flat), "--qmp stdio")
        text(run(machines, "--monitor", "stdio", *flat), "--monitor stdio")
        no_input(machines)
        no_reader(machines)
        tcp(machines, "novt", *flat)
        qemu = ["-nic", "none", "-display", "none", "-serial", "null"]
        protocol(run(machines, "-qmp", "stdio", *qemu, program="novt-qemu"), "-qmp stdio")
        text(run(machines, "-monitor", "stdio", *qemu[:4], program="novt-qemu"), "-monitor stdio")
        tcp(machines, "novt-qemu", *qemu)
        for options, expected in WRONG:
            r = machines.novt_command("run", *options, *flat)
            check(r.returncode == 1 and expected in r.stderr and r.stderr.count("\n") == 1, f"{' '.join(options)}: {r.stderr}")


if __name__ == "__main__":
    main()
