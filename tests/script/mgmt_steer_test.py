#!/usr/bin/env python3
"""mgmt_steer_test.py NOVT: orders about translations. Each takes effect on the blocks, can be taken back, and the guest computes what
it did; counts are those of a loop that is known; guest systems that check themselves pass while they are steered; bad input."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modes_test  # noqa: E402
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

LOOP = 5  # instructions of the counter guest's loop
BAD = [
    ("tc pin", r"Error: Parameter 'where' is missing"),
    ("tc pin 4000000000 checked", r"Error: there is no block 4000000000"),
    ("tc pin 99999999999999999999", r"Error: there is no block"),
    ("tc pin 0x100", r"Error: a range needs checked or direct"),
    ("tc pin 20-10 checked", r"Error: bad range"),
    ("tc pin x checked", r"Error: bad range 'x'"),
    ("tc pin 0-10 fast", r"Error: "),
    ("tc unpin 5x", r"Error: bad range"),
    ("tc single-step on", r"Error: bad range 'on'"),
    ("tc unlink -1", r"Error: there is no block -1"),
    ("tc unlink 77777", r"Error: there is no block 77777"),
    ("tc count maybe", r"Error: "),
]


def counted(q):
    """What the guest has counted to."""
    return int(q.text("xp/1dw 0x2000").split(":")[1].split()[0])


def runs_on(q, what):
    """The guest goes on after the order."""
    before = counted(q)
    while counted(q) == before:
        pass
    check(True, f"{what}: the guest goes on")


def blocks(q):
    runs_on(q, "blocks")
    q.command("stop")
    found = q.command("x-novt-tc-find", address=0)["blocks"]
    q.command("cont")
    return found


def pins(q):
    check(all(b["direct"] for b in blocks(q)), "real memory goes direct")
    marks = q.command("x-novt-tc-pin", where="0-1f", mode="checked")["marks"]
    check(marks == [{"first": 0, "last": 0x1f, "mode": "checked"}], f"a mark: {marks}")
    found = blocks(q)
    check(found and not any(b["direct"] for b in found), f"pinned to checked accesses: {found}")
    number = found[0]["block"]
    check("checked" in q.text(f"tc pin {number}"), "a block keeps what it is")
    check(q.command("x-novt-tc-pin", where="0x0", mode="direct")["marks"][-1]["mode"] == "direct", "the latest mark counts")
    check(all(b["direct"] for b in blocks(q)), "... for the code in it")
    check(q.text("tc unpin") == "nothing is pinned or done in single steps\n", "unpin takes all back")
    for i in range(32):
        q.command("x-novt-tc-pin", where=f"{i * 0x1000 + 0x10000:#x}", mode="checked")
    check("there are 32 ranges already" in q.text("tc pin 0-ff checked"), "marks have their bound")
    check(q.command("x-novt-tc-unpin", where="10000-1ffff")["marks"][0]["first"] == 0x20000, "a part of them")
    q.command("x-novt-tc-unpin")


def single_steps(q):
    q.command("x-novt-tc-single-step", where="6-c")
    runs_on(q, "single steps")
    q.command("stop")
    rows = q.command("x-novt-tc-list", sort="address")["blocks"]
    inside = [b for b in rows if 6 <= b["va"] <= 0xc]
    check(len(inside) == 2 and all(b["instructions"] == 1 and not b["chained"] for b in inside), f"one instruction each, no links: {inside}")
    check(all(not (b["va"] < 6 < b["va"] + b["guest-bytes"]) for b in rows), "no block reaches in")
    check("single-step" in q.text("tc marks"), "tc marks")
    q.command("x-novt-tc-single-step", where="0-ffffffff")
    check(q.command("x-novt-tc-list")["matches"] == 0, "all blocks are made anew")
    q.command("cont")
    runs_on(q, "single steps everywhere")
    check(q.command("x-novt-tc-single-step", where="off")["marks"] == [], "off")
    runs_on(q, "no single steps")


def links(q):
    number = next(b["block"] for b in blocks(q) if b["chained"])
    q.command("stop")
    chained = next(b for b in q.command("x-novt-tc-find", address=0)["blocks"] if b["block"] == number)["chained"]
    undone = q.command("x-novt-tc-unlink", block=number)
    after = next(b for b in q.command("x-novt-tc-find", address=0)["blocks"] if b["block"] == number)
    check(undone["in"] >= chained and undone["out"] == 0 and after["chained"] == 0, f"its loop's link is undone: {undone}")
    q.command("cont")
    runs_on(q, "unlinked")
    check(any(b["chained"] for b in blocks(q)), "links come again when they are wanted")
    check(re.match(r"undone: \d+ links to it, \d+ from it", q.text(f"tc unlink {number}")), "as text, while the machine runs")
    runs_on(q, "unlinked while it runs")


def counts(q):
    check(q.text("tc count") == "off\n" and "instructions-executed" not in q.command("x-novt-stats")["translator"], "no counting unless asked for")
    q.command("stop")
    before = counted(q)
    q.command("x-novt-tc-count", on=True)
    q.command("cont")
    runs_on(q, "counting")
    q.command("stop")
    rounds, n = counted(q) - before, q.command("x-novt-tc-count")
    check(n["counting"] and abs(n["instructions"] - LOOP * rounds) <= LOOP * 2 + n["instructions"] // 1000,
          f"{rounds} rounds of {LOOP} instructions: {n}")
    check(q.command("x-novt-stats")["translator"]["instructions-executed"] == n["instructions"], "the counter agrees")
    check(n["returns"] == n["indirect"] == n["return-misses"] == 0, "no returns in it")
    q.command("x-novt-tc-count", on=False)
    q.command("cont")
    runs_on(q, "no counting")


def steered_guests(machines):
    """The guests of tests/modes, steered again and again while they run."""
    orders = ["tc single-step 0-ffffffff", "tc pin 0-ffffffff checked", "tc count on", "tc unpin", "tc single-step off",
              "tc pin 7c00-ffff direct", "tc count off", "tc unlink 3", "tc flush"]
    for name, (least, _) in modes_test.GUESTS.items():
        image = machines.file(name + ".img", b"")
        modes_test.assemble(name, image)
        output = machines.file(name + ".out", b"")
        child = machines.start(name, "-S", "--floppy", image, "--boot", "a", "--memory", "16M", "--display", "none", "--no-reboot",
                               "--debugcon", "file:" + output, guest=False)
        q, steps = machines.qmp(name), 0
        q.command("cont")
        try:
            while True:
                q.text(orders[steps % len(orders)])
                steps += 1
        except (AssertionError, OSError):  # it has ended
            pass
        code = child.wait(60)
        with open(output, encoding="latin1") as f:
            seen = modes_test.checks(f.read())
        wrong = [text for good, text in seen if not good]
        check(code == modes_test.PASSED and len(seen) >= least and not wrong, f"{name}: {len(seen)} checks, {steps} orders, exit {code:#x} {wrong[:5]}")


def main():
    with Machines(sys.argv[1]) as machines:
        machines.start("one")
        q = machines.qmp("one")
        pins(q)
        single_steps(q)
        links(q)
        counts(q)
        for line, expected in BAD:
            got = q.text(line)
            check(re.search(expected, got), f"{line}: {got!r}")
        q.command("quit")
        if shutil.which("nasm") and os.path.exists(modes_test.FIRMWARE):
            steered_guests(machines)


if __name__ == "__main__":
    main()
