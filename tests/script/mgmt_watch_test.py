#!/usr/bin/env python3
"""mgmt_watch_test.py NOVT: events counted by instruction and place, and traced: a guest whose loop makes one of each kind
makes as many as it has rounds; totals are the sums of their parts; off means off; conditions; bad input."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

# 00 inc dword [2000h]; 06 out 80h,al; 08 in al,61h; 0a mov eax,[0fee00030h]; 0f mov cr3,eax; 12 inc byte [19h];
# 18 mov bl,0 (the byte at 19h is written); 1a jmp 0
ROUND = bytes.fromhex("ff0500200000" "e680" "e461" "a13000e0fe" "0f22d8" "fe0519000000" "b300" "ebe4")
OUT, IN, READ, CR3, STORE = 0x06, 0x08, 0x0A, 0x0F, 0x12
VERSION = 0x50014  # of the local APIC

BAD = [
    ("exits --top 0", r"Error: the limit must be 1 to 1000"),
    ("exits --top 1001", r"Error: the limit must be 1 to 1000"),
    ("exits --top --by colour", r"Error: Parameter 'by' must be one of place\|cause"),
    ("mmu faults --top -1", r"Error: "),
    ("io --top x", r"Error: limit must be a number"),
    ("io maybe", r"Error: limit must be a number"),
    ("trace", r"Error: unknown command"),
    ("trace on", r"Error: Parameter 'events' is missing"),
    ("trace on fly", r"Error: there is no event 'fly'"),
    ("trace on io,", r"Error: there is no event ''"),
    ("trace on io if", r"Error: "),
    ("trace on io if $colour", r"Error: no such register: '\$colour'"),
    ("trace on io if 1 +", r"Error: an address or expression is wanted"),
    ("trace on io if " + "1+" * 70 + "1", r"Error: too long"),
    ("p $address", r"Error: only an event has that"),
    ("trace show 0", r"Error: the limit must be 1 to 4096"),
    ("trace show 4097", r"Error: the limit must be 1 to 4096"),
]
EXPRESSIONS = [("1 == 1", 1), ("1 != 1", 0), ("2 > 1 && 1 >= 1", 1), ("1 < 1 || 0 <= 0", 1), ("!5", 0), ("!0 + 1", 2), ("6 & 3 | 8", 10)]


def rounds(q):
    return int.from_bytes(bytes.fromhex(q.command("x-novt-memory", address=0x2000, size=4)["hex"]), "little")


def run(q, more=2000):
    """That many rounds at least; how many there were in all."""
    before = rounds(q)
    q.command("cont")
    while rounds(q) < before + more:
        pass
    q.command("stop")
    return rounds(q)


def about(n, expected, what):
    check(expected - 1 <= n <= expected + 1, f"{what}: {n} in {expected} rounds")


def sums(answer, lists):
    for kind, total in answer["totals"].items():
        for name in lists:
            parts = sum(r["count"] for r in answer[name] if r["kind"] == kind)
            check(parts + answer["lost"][kind] == total, f"{name}: {kind} is the sum of its parts: {parts} of {total}")


def counting(q):
    check("not counting: `exits on' begins" in q.text("exits --top"), "nothing is counted at first")
    for what in "exits", "io":
        q.command("x-novt-watch", what=what, enable=True)
    check(q.text("mmu faults on") == "", "mmu faults on")
    n = run(q)
    exits = q.command("x-novt-exits-top", limit=1000)
    sums(exits, ["exits"])
    by_pc = {r["pc"]: r for r in exits["exits"] if r["kind"] == "callout"}
    about(by_pc[OUT]["count"], n, "OUT")
    about(by_pc[IN]["count"], n, "IN")
    check(by_pc[OUT]["cause"] == "OUT" and by_pc[OUT]["cycles"] > by_pc[OUT]["count"], "cycles are measured")
    causes = q.command("x-novt-exits-top", by="cause")["exits"]
    check(next(r["count"] for r in causes if r["cause"] == "OUT") == by_pc[OUT]["count"], "by cause")
    faults = q.command("x-novt-mmu-faults", limit=1000)
    sums(faults, ["by-pc", "by-page"])
    about(next(r["count"] for r in faults["by-pc"] if r["kind"] == "smc" and r["pc"] == STORE), n, "writes to code")
    check([r["page"] for r in faults["by-page"] if r["kind"] == "smc"] == [0], "... all to one page")
    check(any(r["kind"] == "hidden" and r["page"] == 0x2000 for r in faults["by-page"]), "the counter's page was mapped once")
    io = q.command("x-novt-io", limit=1000)
    sums(io, ["by-pc"])
    places = {(p["space"], p["address"]): p for p in io["places"]}
    about(places["port", 0x80]["writes"], n, "port 80h")
    about(places["port", 0x61]["reads"], n, "port 61h")
    about(places["memory", 0xFEE00030]["reads"], n, "the local APIC")
    check(places["memory", 0xFEE00030]["device"] == "lapic" and places["port", 0x61]["device"] == "port61", "devices have names")
    check({(r["pc"], r["kind"]) for r in io["by-pc"]} == {(OUT, "out"), (IN, "in"), (READ, "read")}, "who makes them")
    text = q.text("io --top 1")
    check(re.search(r"^fee00030 +lapic +\d+ +0$|^00(61|80) ", text, re.M), f"as text: {text}")
    for what in "exits off", "mmu faults off", "io off":
        q.text(what)
    run(q)
    for name in "x-novt-exits-top", "x-novt-mmu-faults", "x-novt-io":
        check(not q.command(name)["counting"], f"{name}: off")
    check(q.command("x-novt-io")["totals"] == io["totals"], "what was counted stays")
    q.text("io on")
    check(sum(q.command("x-novt-io")["totals"].values()) == 0, "on begins anew")
    q.text("io off")


def traced(q, events, condition=None, more=2000):
    q.command("x-novt-trace", events=events, **({"condition": condition} if condition else {}))
    before = rounds(q)
    n = run(q, more) - before
    shown = q.command("x-novt-trace-show", limit=4096)
    numbers = [e["number"] for e in shown["events"]]
    check(numbers == list(range(shown["first"], shown["seen"])) and shown["next"] == shown["seen"], f"{events}: the last are kept")
    return n, shown


def tracing(q):
    n, t = traced(q, "cr3")
    about(t["seen"], n, "CR3")
    check(all(e["pc"] == CR3 and e["value"] == VERSION for e in t["events"]), "its value")
    n, t = traced(q, "io", "$port == 0x61")
    about(t["seen"], n, "a condition")
    check(all(e["address"] == 0x61 and e["event"] == "in" and e["pc"] == IN for e in t["events"]), "... is met by all")
    about(t["judged"], 2 * n, "... and asked of others")
    n, t = traced(q, "io", "if $vector == 0 && $size == 1 && $ebx == 7 && $port == 0x80 && $pc == 6")
    about(t["seen"], n // 256, "registers are those of the moment")
    n, t = traced(q, "mmio", "$address >= 0xfee00000", 5000)
    about(t["seen"], n, "device memory")
    check(t["first"] == t["seen"] - 4096 and len(t["events"]) == 4096, "the ring is bounded")
    check(all(e["name"] == "lapic" and e["value"] == VERSION and e["pc"] == READ for e in t["events"]), "what was read")
    part = q.command("x-novt-trace-show", **{"from": t["first"] + 10, "limit": 5})
    check([e["number"] for e in part["events"]] == list(range(t["first"] + 10, t["first"] + 15)), "from a number on")
    n, t = traced(q, "smc")
    about(t["seen"], n, "writes to code")
    check(all(e["address"] == 0x19 and e["pc"] == STORE for e in t["events"]), "which byte")
    n, t = traced(q, "io", "1 / ($port - 0x80)")
    check(t["failed"] > 0 and all(e["address"] != 0x80 for e in t["events"]), "a condition that divides by zero is not met, and told")
    n, t = traced(q, "mode,irq,disk,exception")
    check(t["tracing"] == ["irq", "exception", "mode", "disk"] and t["seen"] == 0, "none of these happen")
    q.text("trace on io if $port==0x80")
    run(q)
    check(re.search(r"^tracing io: \d+ events seen, the last \d+ are kept, of \d+ judged\n *\d+ +\d+\.\d+ 00000006 out +at 80 value", q.text("trace show 1")), q.text("trace show 1"))
    q.text("trace off")
    seen = q.command("x-novt-trace-show")["seen"]
    run(q)
    check(q.command("x-novt-trace-show")["seen"] == seen and q.text("trace show 1").startswith("not tracing"), "off is off")


def pushed(machines, q):
    """Each event comes to all who speak the protocol, once and in order, or is told as lost."""
    other = machines.qmp("one")
    q.command("x-novt-trace", events="cr3", push=True)
    n = run(q) - 1
    expected, numbers = 0, []
    while expected < n:
        data = other.event("X_NOVT_TRACE")["data"]
        numbers = [e["number"] for e in data["events"]]
        check(0 < len(numbers) <= 128 and data["lost"] >= 0, "a bounded message")
        check(numbers == list(range(expected + data["lost"], expected + data["lost"] + len(numbers))), f"... in order from {expected}")
        check(all(e["event"] == "cr3" and e["pc"] == CR3 for e in data["events"]), "... with what was traced")
        expected, n = numbers[-1] + 1, data["seen"]
    check(q.event("X_NOVT_TRACE")["data"]["events"][0]["event"] == "cr3", "who ordered them gets them too")
    q.text("trace on --push io if $port == 0x80")
    run(q, 10)
    event = other.event("X_NOVT_TRACE")
    while event["data"]["events"][0]["event"] == "cr3":
        event = other.event("X_NOVT_TRACE")
    check({e["address"] for e in event["data"]["events"]} == {0x80}, "as a line, with a condition")
    run(q, 100000)  # far more than can be told
    check(q.command("query-status")["running"] is False, "nobody waits for anybody")
    q.text("trace on cr3")  # another order, which is not pushed
    q.events.clear()
    run(q)
    other.command("query-status")
    other.events.clear()
    q.text("trace off")
    run(q)
    check(not any(e["event"] == "X_NOVT_TRACE" and e["data"]["events"][-1]["event"] == "cr3" for e in other.events + q.events), "off")
    other.close()


def interrupts(q):
    i = q.command("x-novt-irq")
    check([x["line"] for x in i["lines"]] == list(range(24)) and len(i["pic"]) == 16 and len(i["ioapic"]) == 24, "irq: every line, input and pin")
    check(i["vectors"] == [] and i["nmis"] == 0, "no interrupt was delivered")
    check("line     raised" in q.text("info irq"), "as text")


def main():
    with Machines(sys.argv[1]) as machines:
        machines.start("one", "-S", "--flat-image", machines.file("round.bin", ROUND), guest=False)
        q = machines.qmp("one")
        counting(q)
        tracing(q)
        pushed(machines, q)
        interrupts(q)
        for line, expected in BAD:
            got = q.text(line)
            check(re.search(expected, got), f"{line[:40]}: {got!r}")
        for text, expected in EXPRESSIONS:
            check(q.text(f"p/d {text}") == f"{expected}\n", text)
        q.command("quit")


if __name__ == "__main__":
    main()
