#!/usr/bin/env python3
"""vm_commands_test.py NOVT: novt list, stop, cont, reset, powerdown, kill, screenshot, key, monitor and console on machines
that run; how a machine is named; what is said when there is none."""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import Child, check  # noqa: E402
from qmp_client import Machines  # noqa: E402

# Prints "up" on COM1, then echoes what it receives, each byte plus one: mov dx,3F8h; mov al,'u'; out dx,al; ...
ECHO = bytes.fromhex("66baf803" "b075" "ee" "b070" "ee"
                     "66bafd03" "ec" "a801" "74f7"  # until a byte is there
                     "66baf803" "ec" "40" "ee" "ebee")


def ok(machines, *argv):
    done = machines.novt_command(*argv)
    check(done.returncode == 0 and done.stderr == "", f"novt {' '.join(argv)[:60]}: {done.stderr}")
    return done.stdout


def fails(machines, text, *argv):
    done = machines.novt_command(*argv)
    check(done.returncode == 1 and done.stderr.count("\n") == 1 and text in done.stderr and done.stdout == "",
          f"novt {' '.join(argv)[:60]}: {done.stderr!r}")


def listing(machines):
    return {m["name"]: m for m in json.loads(ok(machines, "list", "--json"))}


def watch(machines):
    text = ok(machines, "monitor", "busy", "tc", "stat", "--watch=1", "--count=2")
    check(text.count("\ntotal ") == 2 and text.count("time: ") == 3, f"two pictures, and the time between them: {text}")
    since = text.split("in the last ")[1]
    parts = [float(n) for n in re.findall(r"^  [a-z ]+?  +([0-9.]+)", since, re.M)]
    check(len(parts) == 6 and abs(sum(parts) - 100) < 0.5, f"shares make up the whole: {parts}")
    check(re.search(r"^a second: \d+ translated, .* [1-9]\d* million instructions$", since, re.M), "rates")
    check(ok(machines, "monitor", "busy", "info status", "--watch=1", "--count=2") == 2 * "VM status: running\n", "any command can be repeated")
    for bad in ("--watch",), ("tc stat", "--watch=0"), ("tc stat", "--watch=x"), ("tc stat", "--count=2"), ("tc stat", "--watch", "--count="):
        fails(machines, "monitor: --watch", "monitor", "busy", *bad)


def top(machines):
    machines.start("busy")
    machines.start("also busy")
    lines = ok(machines, "top", "-n", "2", "-d", "1").splitlines()
    check(lines[0].split()[:3] == ["NAME", "PID", "STATE"] and len(lines) == 6 and lines[3] == lines[0], f"two pictures: {lines}")
    busy = next(line for line in lines[4:] if line.startswith("busy")).split()
    check(busy[2] == "running" and int(busy[3]) > 0, f"one that runs takes time: {busy}")
    text = ok(machines, "top", "busy", "-n", "2", "-d", "1")
    check(all(len(line) <= 80 for line in lines) and len(text.splitlines()) <= 2 * 23, "it fits a terminal")
    check(text.count("BLOCK") == 2 and text.count("exits/s") == 2 and re.search(r"^ +0 00000000 ring0 +[1-9]", text, re.M), f"one machine: {text}")
    check(busy[4] == "-" and "MIPS -" in text, "instructions are not counted unless asked for")
    ok(machines, "monitor", "busy", "tc", "count", "on")
    text = ok(machines, "top", "-n", "2", "-d", "1")
    counting = [line.split()[4] for line in text.splitlines() if line.startswith("busy")]
    check(counting[0] == "0" and int(counting[1]) > 0 and all(len(line) <= 80 for line in text.splitlines()), f"MIPS while counting: {text}")
    watch(machines)
    fails(machines, "no", "top", "nobody")
    for bad in ("-n", "0"), ("-n",), ("-d", "x"), ("-x",), ("busy", "busy"):
        fails(machines, "top: ", "top", *bad)
    for name in "busy", "also busy":
        ok(machines, "kill", name)


def steering(machines):
    check(ok(machines, "list") == "", "no machine, no line")
    child = machines.start("one")
    killed = machines.start("two words")
    check(listing(machines)["one"] == {"name": "one", "pid": child.pid, "status": "running", "socket": machines.path("one")},
          "novt list knows the machine")
    check("two words" in listing(machines), "... and one with a blank in its name")
    lines = ok(machines, "list").splitlines()
    check(lines[0].split() == ["NAME", "PID", "STATE", "SOCKET"] and len(lines) == 3, "as a table")
    killed.kill()
    killed.wait()
    check(set(listing(machines)) == {"one"} and os.listdir(machines.folder) == ["one.sock"],
          "one that was killed is not listed, and its socket is removed")
    for which in "one", str(child.pid), machines.path("one"):
        ok(machines, "stop", which)
        check(listing(machines)["one"]["status"] == "paused", f"stopped, called {which[:8]}")
        ok(machines, "cont", which)
        check(listing(machines)["one"]["status"] == "running", "and going on")
    ok(machines, "reset", "one")
    ok(machines, "powerdown", "one")
    ok(machines, "key", "one", "a", "ctrl-alt-delete", "ret")
    for name, head in ("x.png", b"\x89PNG"), ("x.ppm", b"P6\n"), ("x.txt", b""):
        done = machines.novt_command("screenshot", "one", name, cwd=machines.run_dir)
        with open(os.path.join(machines.run_dir, name), "rb") as f:
            check(done.returncode == 0 and f.read().startswith(head), f"screenshot: {name}, in the caller's folder")
    ok(machines, "kill", "one")
    check(child.wait(60) == 0 and os.listdir(machines.folder) == [], "killed")


def one_shots(machines):
    machines.start("one", "-S")
    check(ok(machines, "monitor", "one", "info status") == "VM status: prelaunch\n", "monitor: a line in one argument")
    check(ok(machines, "monitor", "one", "info", "status") == "VM status: prelaunch\n", "... and in two")
    check(json.loads(ok(machines, "monitor", "one", "info status", "--json"))["status"] == "prelaunch", "... as JSON")
    check(json.loads(ok(machines, "monitor", "one", "stop", "--json")) == {}, "... an empty result")
    fails(machines, "unknown command: 'fly'", "monitor", "one", "fly")
    done = subprocess.run([machines.novt, "monitor", "one"], env=machines.env, input="info name\n\nfly\ncont\ninfo status\n",
                          capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 1 and done.stdout == "one\nVM status: running\n" and "fly" in done.stderr,
          "monitor: lines from a pipe, all of them")
    ok(machines, "monitor", "one", "quit")


def mistakes(machines):
    machines.start("one")
    for command in "stop", "cont", "reset", "powerdown", "kill", "monitor", "console":
        fails(machines, "there is no machine 'nope'", command, "nope")
        fails(machines, f"{command} needs VM", command)
        check(f"Usage: novt {command} VM" in ok(machines, "help", command), f"help {command}")
        check(f"Usage: novt {command} VM" in ok(machines, command, "--help"), f"{command} --help")
    fails(machines, "stop needs VM", "stop", "one", "two")
    fails(machines, "No such file", "stop", "/nowhere/x.sock")
    fails(machines, "there is no machine '1'", "stop", "1")
    fails(machines, "key needs VM KEYS...", "key", "one")
    fails(machines, "no key 'nokey'", "key", "one", "nokey")
    fails(machines, "screenshot needs VM FILE", "screenshot", "one")
    fails(machines, "No such file", "screenshot", "one", "/nowhere/x.png")
    fails(machines, "list: unexpected argument", "list", "one")
    fails(machines, "console needs VM", "console", "one", "more")
    os.chmod(machines.folder, 0o770)
    fails(machines, "others may get at it", "list")
    os.chmod(machines.folder, 0o700)
    stopped = machines.start("frozen")
    stopped.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    check(listing(machines)["frozen"]["status"] == "does not answer", "a machine that does not answer is listed as such")
    fails(machines, "it does not answer", "stop", "frozen")
    check(time.monotonic() - begun < 60, "... and waited for no longer than a while")
    killed = machines.novt_command("kill", "frozen")
    check(killed.returncode == 0 and "it is killed" in killed.stderr and stopped.wait(60) == -signal.SIGKILL,
          "novt kill ends it all the same")
    ok(machines, "kill", "one")


def interactive(machines):
    machines.start("one")
    with Child([machines.novt, "monitor", "one"], env=machines.env) as c:
        c.expect(r"\(novt\) ")
        c.send("info statu\t")
        c.expect(r"statu[^ ]*s ")
        c.send("\r")
        c.expect(r"VM status: running")
        c.send("sto\t")
        c.expect(r"sto[^ ]*p ")
        c.send("\r")
        c.expect(r"\(novt\) ")
        c.send("info status\r")
        c.expect(r"VM status: paused")
        c.send("\x1b[A\r")  # the line before
        c.expect(r"VM status: paused")
        c.send("info \t")
        c.expect(r"registers  ")
        c.send("\x15fly\r")
        c.expect(r"unknown command: 'fly'")
        c.send("info history\r")
        c.expect(r"0: 'info status ?'\r?\n1: 'stop ?'\r?\n(\d: '.*'\r?\n)*\d: 'fly'\r?\n\d: 'info history'")
        c.send("exit\r")
        check(c.wait() == 0, "monitor: completion, history, errors; exit leaves", c)
    check(listing(machines)["one"]["status"] == "paused", "and the machine is still there")
    with Child([machines.novt, "monitor", "one"], env=machines.env) as c:
        c.expect(r"\(novt\) ")
        c.send("quit\r")
        check(c.wait() == 0, "quit ends the machine, and the console with it", c)


def serial(machines):
    echo = machines.file("echo.bin", ECHO)
    log = os.path.join(machines.run_dir, "log")
    child = machines.start("one", "--flat-image", echo, "--serial", f"file:{log}", guest=False)
    with Child([machines.novt, "console", "one"], env=machines.env) as c:
        c.expect(r"Ctrl-A x leaves")
        c.expect(r"up")
        c.send("HAL")
        c.expect(r"IBM")
        c.send("\x01h")
        c.expect(r"leave the console")
        c.send("\x01\x01")
        c.expect("\x02")
        c.send("\x01x")
        check(c.wait() == 0, "console: what was sent before, echo, help, Ctrl-A x", c)
    done = subprocess.run([machines.novt, "console", "one", "--no-history"], env=machines.env, input=b"A" * 20000,
                          capture_output=True, timeout=120, check=False)
    check(done.returncode == 0 and done.stdout == b"B" * 20000, f"20,000 bytes by a pipe: {len(done.stdout)}, without the past: {done.stdout[:20]} {done.stdout[-20:]}")
    a, b = machines.qmp("one"), machines.qmp("one")
    for q in a, b:
        q.send(b'{"execute": "x-novt-serial-attach", "arguments": {"history": false}}')
        check(q.answer() == {"return": {}}, "attached")
    a.send(b"0" * 10)
    check(b.file.read(10) == b"1" * 10 and a.file.read(10) == b"1" * 10, "two listen")
    a.close()
    b.close()
    q = machines.qmp("one")
    q.command("quit")
    check(child.wait(60) == 0, "the end")
    with open(log, "rb") as f:
        text = f.read()
    check(text == b"upIBM\x02" + b"B" * 20000 + b"1" * 10, f"the backend saw the same: {len(text)}")


def main():
    for part in steering, top, one_shots, mistakes, interactive, serial:
        with Machines(sys.argv[1]) as machines:
            os.mkdir(machines.folder, 0o700)
            part(machines)


if __name__ == "__main__":
    main()
