#!/usr/bin/env python3
"""qmp_python_test.py NOVT: QEMU's own client of the protocol, the Python package qemu.qmp, talks to a machine as docs/CONSOLE.md shows.
Skips (77) where the package is not installed."""
import asyncio
import importlib.util
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import PATIENCE, Machines  # noqa: E402

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "CONSOLE.md")


async def session(path):
    from qemu.qmp import QMPClient
    from qemu.qmp.error import QMPError
    client = QMPClient("test")
    await client.connect(path)
    check((await client.execute("query-status"))["running"] is True, "a command")
    with client.listener(("STOP", "RESUME")) as listener:
        await client.execute("stop")
        check((await listener.get())["event"] == "STOP", "an event")
        await client.execute("cont")
        check((await listener.get())["event"] == "RESUME", "another")
    try:
        await client.execute("fly")
    except QMPError as e:
        check("has not been found" in str(e), "an error")
    else:
        check(False, "an error is raised")
    with client.listener("X_NOVT_TRACE") as listener:
        await client.execute("x-novt-trace", {"events": "io", "push": True})
        event = await listener.get()
        check(event["data"]["events"][0]["event"] == "out", "traces as events")
        await client.execute("x-novt-trace-off")
    await client.disconnect()


def shell(path):
    """The document's session with the shell."""
    with open(DOCUMENT, encoding="utf-8") as f:
        block = re.search(r"^    \$ python3 -m qemu\.qmp\.qmp_shell .*\n((?: {4}.*\n|\n)+)", f.read(), re.M).group(1)
    expected = [line[4:] for line in block.rstrip().splitlines()]
    typed = "".join(line.removeprefix("(QEMU) ") + "\n" for line in expected if line.startswith("(QEMU) "))
    r = subprocess.run([sys.executable, "-m", "qemu.qmp.qmp_shell", path], input=typed, capture_output=True, text=True, timeout=PATIENCE)
    answers = [line for line in expected if line.startswith("{")]
    got = [line.removeprefix("(QEMU) ") for line in r.stdout.splitlines()]
    check(answers and [line for line in got if line.startswith("{")] == answers, f"the shell answers as in the document: {got} {r.stderr}")
    check("Connected to QEMU 7.2.0" in r.stdout and "Connected to QEMU 7.2.0" in block, "and knows the version")


def main():
    if importlib.util.find_spec("qemu") is None or importlib.util.find_spec("qemu.qmp") is None:
        print("skip: no qemu.qmp")
        sys.exit(77)
    with Machines(sys.argv[1]) as machines:
        machines.start("web", "--flat-image", machines.file("out.bin", b"\xe6\x80\xeb\xfc"), guest=False)  # out 80h,al; jmp
        asyncio.run(asyncio.wait_for(session(machines.path("web")), PATIENCE))
        shell(machines.path("web"))
        machines.qmp("web").command("quit")


if __name__ == "__main__":
    main()
