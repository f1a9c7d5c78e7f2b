#!/usr/bin/env python3
"""mgmt_cache_test.py NOVT: the console's view of the code cache and the shadow MMU: totals are the sums of their parts and agree with the
translator's counters; the hot block of a loop is found, and shown with what it was translated to, its flags and its fault map; bad input."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

# Each part of a total, and the totals that have to be their sum.
SUMS = ["blocks", "dead", "direct", "checked", "copies", "instructions", "identical", "guest-bytes", "hot-bytes",
        "cold-bytes", "links", "chained", "ports", "samples"]
TIME = ["blocks", "stubs", "translator", "engine", "callouts", "exceptions", "monitor", "faults", "accesses", "ports", "registers", "events"]
BAD = [
    ("tc list --limit 0", r"Error: the limit must be 1 to 100"),
    ("tc list --limit 101", r"Error: the limit must be 1 to 100"),
    ("tc list --va x", r"Error: bad range 'x'"),
    ("tc list --va 2000-1000", r"Error: bad range"),
    ("tc list --va 0-100000000", r"Error: bad range"),
    ("tc list --va -1", r"Error: "),
    ("tc list --sort speed", r"Error: "),
    ("tc show 4000000000", r"Error: there is no block 4000000000"),
    ("tc show 4294967296", r"Error: there is no block 4294967296"),
    ("tc show -1", r"Error: "),
    ("tc show", r"Error: Parameter 'block' is missing"),
    ("tc graph 99999999", r"Error: there is no block 99999999"),
    ("tc graph 0 --limit 201", r"Error: the limit must be 1 to 200"),
]


def totals(q):
    s, n = q.command("x-novt-tc-stat"), q.command("x-novt-stats")["translator"]
    for name in SUMS:
        check(sum(k[name] for k in s["kinds"]) == s["total"][name], f"{name}: the total is the sum of its parts")
    t, time = s["total"], s["time"]
    check(t["direct"] + t["checked"] == t["blocks"], "a block is direct or checked")
    check(sum(time[part] for part in TIME) + time["waiting"] == time["samples"], f"samples are the sum of their parts: {time}")
    check(sum(time[part] for part in TIME) + time["idle"] == time["total"] and time["idle"] >= time["waiting"], "... and the total")
    check(s["cache"]["hot"] + s["cache"]["cold"] == s["cache"]["used"] == n["cache-used"], "bytes agree with the counter")
    check(q.command("x-novt-tc-list", limit=1)["matches"] == t["blocks"], "tc list counts as many blocks")
    if not s["flushes"]:
        check(t["blocks"] + t["dead"] == n["blocks"] + n["blocks-copied"], "blocks agree with the counters")
        check(t["samples"] == time["blocks"], "samples of blocks agree with the time in blocks")
    return s


def loop(q):
    found = q.command("x-novt-tc-find", address=0)["blocks"]
    check(found and all(b["va"] == 0 and b["kind"] == "ring0" for b in found), f"the loop's block is found: {found}")
    hot = q.command("x-novt-tc-list")["blocks"]
    check(hot[0]["samples"] > 0 and hot[0]["va"] < 0x20, "the loop is the hottest")
    check([b["samples"] for b in hot] == sorted((b["samples"] for b in hot), reverse=True), "the list is sorted")
    check(q.command("x-novt-tc-find", address=0x5000)["matches"] == 0 and q.text("tc find 0x5000") == "no block\n", "none elsewhere")
    check(q.command("x-novt-tc-list", va="0-f")["matches"] >= 1, "a range")
    return hot[0]["block"]


def one_block(q, number):
    b = q.command("x-novt-tc-show", block=number)
    check(b["complete"] and sum(len(i["bytes"]) for i in b["code"]) == 2 * b["guest-bytes"], "its guest bytes are all there")
    for part in "hot", "cold":
        bytes_shown = sum(len(line["bytes"]) // 2 for i in b["code"] for line in i[part])
        bytes_shown += sum(len(line["bytes"]) // 2 for line in b[part + "-entry"])
        check(bytes_shown == b[part + "-bytes"], f"all {part} bytes are shown once: {bytes_shown} of {b[part + '-bytes']}")
    fault_map(q, b)
    texts = [i["text"] for i in b["code"]]
    check("inc dword ptr [0x2000]" in texts and texts[-1].startswith("jmp"), f"guest code: {texts}")
    clock = next(i for i in b["code"] if i["text"] == "rdtsc")
    check(clock["reason"] == "SENSITIVE" and clock["row"] == "RDTSC" and not clock["identical"], f"why it is not copied: {clock}")
    way = next(w for w in b["ways"] if w["kind"] == "link" and w["va"] == 0)
    text = q.text(f"tc show {number}")
    check(re.search(r"^00000000  inc dword ptr \[0x2000\] +\| inc dword ptr \[r12", text, re.M), f"side by side: {text}")
    check(max(map(len, text.splitlines())) <= 120, "lines have their bounds")
    dot = q.text(f"tc graph {number} --dot")
    check(dot.startswith("digraph blocks {\n") and dot.endswith("}\n") and f"b{number} -> b{way['to']};" in dot, f"a graph: {dot}")


def fault_map(q, b):
    for part in "hot", "cold":
        at = b[part + "-host"]
        for m in b["map"]:
            if m["part"] == part:
                check(m["host"] == at and m["bytes"] > 0, f"the fault map covers the {part} part in order: {m}")
                at += m["bytes"]
        check(at == b[part + "-host"] + b[part + "-bytes"], f"... all of it: {at:x}")
    owners = [m["va"] for m in b["map"] if m["part"] == "hot" and "va" in m]
    check(sorted(set(owners)) == owners == [i["at"] for i in b["code"]], f"each instruction has its own: {owners}")
    lines = [f"  {m['part']:4} {m['host']:x} {m['bytes']:4}" for m in b["map"]]
    text = q.text(f"tc show {b['block']}")
    check(all(line in text for line in lines), "... and in the text")


# mov eax,[2000h]; add eax,1; mov [2000h],eax; jnz 0; jmp 0: the first needs no flags kept, as ADD writes them; the jump needs ADD's.
FLAGS = bytes.fromhex("a100200000" "83c001" "a300200000" "75f1" "ebef")
KEPT = {"direct": ["untouched"] * 5, "checked": ["elided", "untouched", "saved", "untouched", "untouched"]}


def flags(machines):
    """What accesses do to the flags: checked ones keep them, unless they are dead; direct ones touch none."""
    machines.start("flags", "--flat-image", machines.file("flags.bin", FLAGS), guest=False)
    q = machines.qmp("flags")
    for mode, want in KEPT.items():
        q.command("x-novt-tc-pin", where="0-1f", mode=mode)
        while not (found := q.command("x-novt-tc-find", address=0)["blocks"]):
            pass
        q.command("stop")
        b = q.command("x-novt-tc-show", block=found[0]["block"])
        check([i["flags"] for i in b["code"]] == want, f"{mode} accesses: {[(i['text'], i['flags']) for i in b['code']]}")
        text = q.text(f"tc show {b['block']}")
        check([text.count(f"plain, flags {kept}") for kept in ("saved", "elided")] == [want.count("saved"), want.count("elided")], f"... as text: {text}")
        q.command("cont")
    q.command("quit")


def paging_off(q):
    w = q.command("x-novt-mmu-walk", address=0x2000)
    check(not w["paging"] and w["present"] and w["to"]["physical"] == 0x2000 and w["supervisor"]["view-writable"], f"mmu walk: {w}")
    check("paging is off\nphysical   2000" in q.text("mmu walk 0x2000"), "... as text")
    check("device lapic" in q.text("mmu walk 0xfee00020"), "... a device's address")
    views = q.command("x-novt-mmu-spaces")
    one = next(v for v in views["views"] if v["current"])
    check(one["kind"] == "no paging" and one["pages"] > 0 and views["vmas"] == sum(v["vmas"] for v in views["views"]), f"mmu spaces: {views}")
    d = q.command("x-novt-mmu-diff")["supervisor"]
    check(d["same"] == one["pages"] and d["stale"] == d["too-much"] == 0 and d["pages"] == [], f"mmu diff: {d}")


def low_symbols(machines):
    """Names of what lies low, in lists too; nothing below the first of them has one."""
    names = machines.file("names", b"00000006 T read_time\n0000000d T keep_time\n")
    machines.start("low", "--symbols", names)
    q = machines.qmp("low")
    q.text("tc single-step 0x0-0x14")
    q.text("tc flush")
    named = {}
    while not {0, 6, 8, 0xD} <= set(named):
        named = {b["va"]: b.get("symbol") for b in q.command("x-novt-tc-list", limit=100)["blocks"]}
    check(named[0] is None and named[6] == "read_time+0x0" and named[8] == "read_time+0x2" and named[0xD] == "keep_time+0x0", f"{named}")
    check(q.text("info symbol 0xf") == "0000000f keep_time+0x2\n", "info symbol")
    q.command("quit")


def main():
    with Machines(sys.argv[1]) as machines:
        flags(machines)
        machines.start("one")
        q = machines.qmp("one")
        while not any(b["samples"] for b in q.command("x-novt-tc-list")["blocks"]):
            pass
        q.command("stop")
        totals(q)
        one_block(q, loop(q))
        for line, expected in BAD:
            got = q.text(line)
            check(re.search(expected, got), f"{line}: {got!r}")
        paging_off(q)
        check("watched" in q.text("tc adapt") or "epoch" in q.text("tc adapt"), "verdicts")
        h = q.command("x-novt-tc-adapt", history=True)
        check(h["total"] == len(h["history"]) and "changes, the latest" in q.text("tc adapt --history"), f"history: {h}")
        q.command("x-novt-tc-flush")
        s = totals(q)
        check(s["total"]["blocks"] == 0 and s["flushes"] == 1, "a flush empties it")
        q.command("cont")
        while not q.command("x-novt-tc-list")["matches"]:
            pass
        totals_running = q.command("x-novt-tc-stat")
        check(totals_running["total"]["blocks"] >= 1, "the guest runs on")
        q.command("quit")
        low_symbols(machines)


if __name__ == "__main__":
    main()
