#!/usr/bin/env python3
"""qmp_test.py NOVT: the machine protocol: a transcript as a QMP client has it, events, options, where sockets are."""
import os
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines, Qmp  # noqa: E402

# What a client sends, what it must get: without time stamps, numbers of threads and the version.
TRANSCRIPT = [
    ({"execute": "query-status"}, {"error": {"class": "CommandNotFound",
                                             "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}),
    ({"execute": "qmp_capabilities", "id": {"a": [1, "x"]}}, {"return": {}, "id": {"a": [1, "x"]}}),
    ({"execute": "qmp_capabilities"}, {"error": {"class": "CommandNotFound",
                                                 "desc": "Capabilities negotiation is already complete, command ignored"}}),
    ({"execute": "query-status", "id": 7}, {"return": {"running": True, "singlestep": False, "status": "running"}, "id": 7}),
    ({"execute": "query-name"}, {"return": {"name": "one"}}),
    ({"execute": "query-target"}, {"return": {"arch": "i386"}}),
    ({"execute": "query-uuid"}, {"return": {"UUID": "00112233-4455-6677-8899-aabbccddeeff"}}),
    ({"execute": "stop"}, {"event": "STOP"}),
    (None, {"return": {}}),
    ({"execute": "stop"}, {"return": {}}),
    ({"execute": "query-status"}, {"return": {"running": False, "singlestep": False, "status": "paused"}}),
    ({"execute": "system_reset"}, {"event": "RESET", "data": {"guest": False, "reason": "host-qmp-system-reset"}}),
    (None, {"return": {}}),
    ({"execute": "query-status"}, {"return": {"running": False, "singlestep": False, "status": "prelaunch"}}),
    ({"execute": "cont"}, {"event": "RESUME"}),
    (None, {"return": {}}),
    ({"execute": "system_powerdown"}, {"event": "POWERDOWN"}),
    (None, {"return": {}}),
    ({"execute": "fly", "id": "f"}, {"error": {"class": "CommandNotFound", "desc": "The command fly has not been found"},
                                     "id": "f"}),
    ({"execute": "stop", "arguments": {"how": 1}}, {"error": {"class": "GenericError",
                                                              "desc": "Parameter 'how' is unexpected"}}),
    ({"execute": "quit"}, {"event": "SHUTDOWN", "data": {"guest": False, "reason": "host-qmp-quit"}}),
    (None, {"return": {}}),
]
UUID = "00112233-4455-6677-8899-aabbccddeeff"


def replay(q, who):
    for request, expected in TRANSCRIPT:
        if request is not None:
            q.send(request)
        got = q.receive()
        stamp = got.pop("timestamp", None)
        check(got == expected, f"{who}: {request}: {got}")
        check("event" not in got or (stamp["seconds"] > 0 and 0 <= stamp["microseconds"] < 1000000), "events have a time")


def oracle(machines):
    """QEMU gives the same answers in the same order."""
    qemu, path = shutil.which("qemu-system-i386"), os.path.join(machines.run_dir, "qemu")
    if not qemu:
        print("skip: no QEMU")
        return
    child = subprocess.Popen([qemu, "-accel", "tcg", "-name", "one", "-uuid", UUID, "-display", "none", "-nodefaults",
                              "-qmp", f"unix:{path},server=on,wait=off"], stdin=subprocess.DEVNULL)
    machines.children.append(child)
    machines.wait_for(path, child)
    replay(Qmp(path, negotiate=False), "QEMU")
    check(child.wait(60) == 0, "QEMU ends")


def transcript(machines):
    child = machines.start("one", "--uuid", UUID)
    mode = os.stat(machines.path("one")).st_mode
    check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, "the socket is the user's alone")
    check(stat.S_IMODE(os.stat(machines.folder).st_mode) == 0o700, "and so is its folder")
    q = machines.qmp("one", negotiate=False)
    version = q.greeting["QMP"]["version"]
    check(version["package"].startswith("novt ") and version["qemu"]["major"] >= 7 and q.greeting["QMP"]["capabilities"] == [],
          "the greeting tells versions")
    replay(q, "novt")
    check(q.receive() is None and child.wait(60) == 0, "quit ends the run with exit code 0")
    check(not os.path.exists(machines.path("one")), "and the socket is gone")


def table(machines):
    machines.start("one")
    q = machines.qmp("one")
    names = [c["name"] for c in q.command("query-commands")]
    check(len(names) == len(set(names)) and "stop" in names, "query-commands names each command once")
    schema = q.command("query-schema")
    check(schema["version"] == 1 and [c["name"] for c in schema["commands"]] == names, "query-schema describes the same")
    check(all(c["help"] and all(a["type"] in ("string", "integer", "boolean", "any") for a in c["arguments"])
              for c in schema["commands"]), "each has a help text and types")
    q.command("quit")


def start_paused(machines):
    path = os.path.join(machines.run_dir, "own.sock")
    child = machines.start("two", "-S", "--qmp", f"unix:{path}")
    q = Qmp(path)
    check(q.command("query-status")["status"] == "prelaunch", "-S: nothing has run")
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "a socket of --qmp is the user's alone too")
    q.command("cont")
    check(q.command("query-status")["status"] == "running", "cont starts it")
    q.command("stop")
    child.terminate()  # a stopped machine hears it too
    last = q.rest()[-1]
    check(last["event"] == "SHUTDOWN" and last["data"]["reason"] == "host-signal", "SIGTERM is told as the reason")
    check(child.wait(60) == 0 and not os.path.exists(path), "both sockets are gone")


def guest_ends(machines):
    """UD2 without an IDT is a triple fault."""
    machines.file("ud2.bin", b"\x0f\x0b")
    child = machines.start("three", "-S", "--no-reboot", "--flat-image", os.path.join(machines.run_dir, "ud2.bin"), guest=False)
    q = machines.qmp("three")
    q.send({"execute": "cont"})
    events = [m for m in q.rest() if "event" in m]  # the answer may come before or behind them
    check([m["event"] for m in events][-2:] == ["GUEST_PANICKED", "SHUTDOWN"] and
          events[-1]["data"] == {"guest": True, "reason": "guest-panic"}, "a triple fault that ends the run is a panic")
    check(child.wait(60) == 2, "with its exit code")


def folders(machines):
    socket = machines.path("four")
    child = machines.start("four")
    child.kill()
    child.wait()
    check(os.path.exists(socket), "a killed machine leaves its socket")
    machines.start("four")
    second = subprocess.Popen([machines.novt, "run", "--name", "four", "--serial", "none", "--flat-image", machines.counter],
                              env=machines.env, stdin=subprocess.DEVNULL)
    machines.children.append(second)
    machines.wait_for(os.path.join(machines.folder, f"{second.pid}.sock"), second)
    check(machines.qmp("four").command("query-name") == {"name": "four"}, "the next of its name takes the place, another does not")
    off = machines.novt_command("run", "--control", "off", "--flat-image", machines.counter, "--serial", "none", "--name", "five",
                                "--timeout", "0.2")
    check(off.returncode == 124 and not os.path.exists(machines.path("five")), "--control off: no socket")


def refusals(machines):
    with open(os.path.join(machines.run_dir, "file"), "w", encoding="ascii"):
        pass
    for options, text in (("--qmp", "tcp:1"), "must be unix:PATH"), (("--control", "maybe"), "must be on or off"), \
            (("--qmp", f"unix:{machines.run_dir}/file"), "the file exists"), (("--qmp", "unix:/nowhere/x"), "No such file"), \
            (("--qmp", "unix:/tmp/" + "x" * 120), "File name too long"):
        done = machines.novt_command("run", *options, "--flat-image", machines.counter, "--serial", "none")
        check(done.returncode == 1 and done.stderr.count("\n") == 1 and text in done.stderr, f"{options[1][:20]}: {text}")
    os.chmod(machines.folder, 0o755)
    done = machines.novt_command("run", "--flat-image", machines.counter, "--serial", "none", "--timeout", "0.2")
    check(done.returncode == 124 and done.stderr.count("\n") == 1 and "0700" in done.stderr,
          "a folder that others can read is refused, the machine runs without")
    os.chmod(machines.folder, 0o700)


def main():
    for part in transcript, oracle, table, start_paused, guest_ends, folders, refusals:
        with Machines(sys.argv[1]) as machines:
            os.mkdir(machines.folder, 0o700)
            part(machines)


if __name__ == "__main__":
    main()
