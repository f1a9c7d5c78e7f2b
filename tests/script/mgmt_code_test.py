#!/usr/bin/env python3
"""mgmt_code_test.py NOVT: what the console knows about code that is written, about indirect jumps and returns, about one page, against a
guest that is known; totals are the sums of their parts and agree with the translator's counters; bad input. Needs nasm."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402

GUEST = """
bits 32
org 0
    mov esp, 8000h
    jmp round
align 64
round:                              ; 40h
    inc dword [2000h]
    mov eax, [2000h]
    and eax, 3
    jmp writer
align 64
writer:                             ; 80h: code at 3000h is another each time
    mov [3001h], eax
    call 3000h
    jmp caller
align 64
caller:                             ; c0h
    call [table + eax * 4]
    jmp round
align 64
table: dd f0, f1, f2, f3
align 64
f0: ret
align 16
f1: ret
align 16
f2: ret
align 16
f3: ret
times 3000h - ($ - $$) db 0
    mov eax, 12345678h
    ret
"""
WRITER, CALLER, TARGETS, CODE = 0x80, 0xc0, [0x140, 0x150, 0x160, 0x170], 0x3000
BAD = [
    ("tc page 0xffffffffff", r"Error: there is no memory at physical address"),
    ("tc page", r"Error: Parameter 'address' is missing"),
    ("tc page --limit 101 0", r"Error: the limit must be 1 to 100"),
    ("tc indirect --sort luck", r"Error: "),
    ("tc indirect --limit 0", r"Error: the limit must be 1 to 100"),
    ("tc list --cr3 0x100000000", r"Error: "),
    ("tc list --sym none_such", r"Error: no symbol 'none_such' is known"),
    ("tc list --sym", r"Error: "),
]


def rounds(q):
    return int(q.text("xp/1dw 0x2000").split(":")[1].split()[0])


def written(q):
    r, n = q.command("x-novt-tc-smc"), q.command("x-novt-stats")["translator"]
    for what in "drops", "blocks", "harmless":
        check(sum(row[what] for row in r["rows"]) + r["forgotten"][what] == r["total"][what], f"{what}: the total is the sum of its parts")
    check(r["total"]["blocks"] == n["code-writes-blocks"] and r["total"]["harmless"] <= n["code-writes"], f"... and the counter: {r['total']}")
    row = max(r["rows"], key=lambda row: row["blocks"])
    check(row["pc"] == WRITER and row["frame"] == CODE >> 12 and row["drops"] > 1, f"who writes where: {row}")
    check(re.search(r"^ +3 00000080 +\d+ +\d+", q.text("tc smc"), re.M), "as text")


def one_page(q):
    p = q.command("x-novt-tc-page", address=CODE + 0x123)
    check(p["physical"] == CODE and p["frame"] == CODE >> 12 and p["protected"], f"a page with code: {p}")
    check(p["matches"] == len(p["blocks"]) >= 1 and all(CODE <= b["va"] < CODE + 0x1000 for b in p["blocks"]), "its blocks")
    check(p["samples"] == sum(b["samples"] for b in p["blocks"]), "its samples are theirs")
    check(p["written"] and all(w["frame"] == p["frame"] for w in p["written"]), "who has written there")
    pages = [q.command("x-novt-tc-page", address=at, limit=100) for at in (0, 0x1000, CODE)]
    everything = q.command("x-novt-tc-list", va="0-3fff", limit=100)
    check(sum(page["matches"] for page in pages) == everything["matches"], "each block belongs to a page")
    check(sum(page["samples"] for page in pages) == everything["samples"], "... and its samples")
    data = q.command("x-novt-tc-page", address=0x5000)
    check(data["matches"] == 0 and not data["protected"], "a page without code")
    check("writes are watched" in q.text("tc page 0x3000") and "writes are free" in q.text("tc page 0x5000"), "as text")


def sites(q):
    r = q.command("x-novt-tc-indirect", limit=100)
    mine = [s for s in r["sites"] if s["va"] == CALLER]
    check(mine and all(s["what"] == "call" and not s["many"] for s in mine), f"the site is found: {mine}")
    targets = sorted({t["va"] for s in mine for t in s["targets"]})
    check(targets == TARGETS, f"its targets: {targets}")
    check(len(r["sites"]) == r["matches"] and r["misses"] == sum(s["misses"] for s in r["sites"]) >= len(TARGETS), "totals are sums")
    check(r["targets"] == sum(len(s["targets"]) for s in r["sites"]), "... of targets as well")
    first = q.command("x-novt-tc-indirect", sort="misses", limit=1)["sites"]
    check(first[0]["misses"] == max(s["misses"] for s in r["sites"]), "sorted by misses")
    check(re.search(r"^000000c0 call", q.text("tc indirect"), re.M) and "    to 00000150" in q.text("tc indirect"), "as text")


def returns(q):
    r = q.command("x-novt-tc-returns")
    check(r["pads"] >= 2 and not r["counting"] and "executed" not in r, f"returns: {r}")
    check("executed and missed: -" in q.text("tc returns"), "what is not counted is not told")
    q.command("x-novt-tc-count", on=True)
    before, questions = rounds(q), 4
    q.command("cont")
    while rounds(q) < before + 1000:
        questions += 1
    q.command("stop")
    done, r, n = rounds(q) - before, q.command("x-novt-tc-returns"), q.command("x-novt-tc-count")
    check(r["executed"] == n["returns"] and abs(r["executed"] - 2 * done) <= 4, f"two returns a round: {done} rounds, {r}")
    # One that is interrupted at its poll, by a question or a timer, is begun again.
    check(done - 2 <= n["indirect"] <= done + 2 * questions + done // 10, f"one indirect call a round: {done}, {questions} questions, {n}")
    check(r["misses"] == n["return-misses"] <= r["executed"] and re.search(r"executed \d+, of which \d+", q.text("tc returns")), "misses")


def main():
    if not shutil.which("nasm"):
        return 77
    with Machines(sys.argv[1]) as machines:
        source, image = machines.file("guest.asm", GUEST.encode()), machines.file("guest.bin", b"")
        subprocess.run(["nasm", "-f", "bin", "-o", image, source], check=True)
        machines.start("one", "--flat-image", image, guest=False)
        q = machines.qmp("one")
        while rounds(q) < 1000:
            pass
        q.command("stop")
        while not q.command("x-novt-tc-page", address=CODE)["matches"]:  # stopped between the write and what is written
            q.command("cont")
            q.command("stop")
        written(q)
        one_page(q)
        sites(q)
        check(q.command("x-novt-tc-list", cr3=0)["matches"] == 0, "no address space without paging")
        for line, expected in BAD:
            got = q.text(line)
            check(re.search(expected, got), f"{line}: {got!r}")
        returns(q)
        q.command("quit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
