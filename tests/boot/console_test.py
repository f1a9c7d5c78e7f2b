#!/usr/bin/env python3
"""console_test.py NOVT GUESTS: the management console on a running Linux: a session by `novt console`, registers and page tables
that make sense, time that stands still, media by QMP, keys that the guest sees.

Skips (77) without the guest.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402
from qmp_client import Machines  # noqa: E402

PROMPT = linux_session.PROMPT


def inside(q):
    """What the kernel's own addresses say."""
    q.command("stop")
    mem = q.command("x-novt-mem")
    check(mem["complete"] and any(m["first"] <= 0xC0000000 <= m["last"] and m["writable"] and not m["user"] for m in mem["list"]),
          "info mem: the kernel's direct map")
    pages = q.command("x-novt-tlb")["list"]
    check(sum(p["size"] for p in pages) == sum(m["last"] + 1 - m["first"] for m in mem["list"]), "info tlb: the same, page by page")
    page = next(p for p in pages if p["va"] == 0xC0100000 & -p["size"])
    at = page["pa"] + (0xC0100000 & (page["size"] - 1))
    check(q.command("x-novt-memory", address=0xC0100000, size=4096) ==
          q.command("x-novt-memory", address=at, size=4096, physical=True), "a page by both of its addresses")
    check(re.search(r"CR0=8005003[0-9a-f] ", q.text("info registers")), "info registers: paging is on")
    listing = q.text("x/20i $eip")
    check(listing.count("0x") >= 20 and "(bad)" not in listing, "code at EIP is code")
    stats = q.command("x-novt-stats")
    check(stats["translator"]["blocks"] > 1000 and stats["machine"]["interrupts"] > 0 and "instructions a block" in q.text("info jit"),
          "counters count")
    check(all(name in q.text("info mtree") for name in ("ram", "vga", "lapic", "i8259")), "info mtree names devices")
    code_cache(q)
    shadow(q, pages)
    watched(q)
    q.command("cont")


def code_cache(q):
    s = q.command("x-novt-tc-stat")
    counted = sum(k["blocks"] + k["dead"] for k in s["kinds"])
    made = q.command("x-novt-stats")["translator"]
    check(counted == made["blocks"] + made["blocks-copied"] and not s["flushes"], "tc stat: every block ever made is counted once")
    check({"real", "ring0", "ring3"} <= {k["kind"] for k in s["kinds"]}, "tc stat: by mode")
    check(sum(k["samples"] for k in s["kinds"]) == s["time"]["blocks"], "tc stat: samples of blocks make up the time in blocks")
    check(sum(q.command("x-novt-exits").values()) == made["callouts"] > 1000, "exits: the rows make up the counter")
    kernel = q.command("x-novt-tc-list", va="c0000000-ffffffff", limit=100)["blocks"]
    named = [b for b in kernel if b.get("symbol")]
    check(named and all("+0x" in b["symbol"] for b in named), f"tc list: {len(named)} of {len(kernel)} blocks of the kernel have names")
    name = named[0]["symbol"].split("+")[0]
    for pattern in name, name[:-1] + "*":
        same = q.command("x-novt-tc-list", sym=pattern, limit=100)["blocks"]
        check(same and all(b["symbol"].startswith(pattern.rstrip("*")) for b in same), f"tc list --sym {pattern}: {len(same)} blocks")
    cr3 = q.command("x-novt-mmu-walk", address=0)["cr3"]
    user = q.command("x-novt-tc-list", va="0-bfffffff", cr3=cr3, limit=100)["blocks"]
    for b in user[:10]:
        w = q.command("x-novt-mmu-walk", address=b["va"])
        check(w["present"] and w["to"]["frame"] == b["frame"], f"tc list --cr3: the tables show the block at {b['va']:x}")
    check(q.command("x-novt-tc-list", cr3=cr3)["matches"] <= q.command("x-novt-tc-list")["matches"], "... and not all blocks")
    for b in kernel[:10]:
        found = q.command("x-novt-tc-find", address=b["va"])["blocks"]
        check(b["block"] in [f["block"] for f in found], "tc find finds what tc list lists")
        d = q.command("x-novt-tc-show", block=b["block"])
        check("".join(i["bytes"] for i in d["code"]) == q.command("x-novt-memory", address=b["va"], size=b["guest-bytes"])["hex"],
              f"tc show: the guest's bytes at {b['va']:x}")
        shown = sum(len(x["bytes"]) for i in d["code"] for part in ("hot", "cold") for x in i[part])
        shown += sum(len(x["bytes"]) for part in ("hot-entry", "cold-entry") for x in d[part])
        check(shown == 2 * (d["hot-bytes"] + d["cold-bytes"]), "... and all of its host bytes")
        check(sum(m["bytes"] for m in d["map"]) == d["hot-bytes"] + d["cold-bytes"], "... and whose fault each is")
    young = [b for b in q.command("x-novt-tc-list", va="0-bfffffff", sort="expansion", limit=100)["blocks"] if b["kind"] == "ring3" and not b["direct"]]
    kept = [i["flags"] for b in young for i in q.command("x-novt-tc-show", block=b["block"])["code"]]
    check({"saved", "elided"} <= set(kept), f"checked accesses of {len(young)} blocks of young processes keep the flags, where they are not dead")


def shadow(q, pages):
    for p in pages[::max(1, len(pages) // 50)]:
        w = q.command("x-novt-mmu-walk", address=p["va"])
        check(w["present"] and w["to"]["physical"] == p["pa"] and w["to"]["page-size"] == p["size"], f"mmu walk {p['va']:x} agrees with info tlb")
    s = q.command("x-novt-mmu-spaces")
    check(sum(v["vmas"] for v in s["views"]) == s["vmas"] == q.command("x-novt-stats")["mmu"]["vmas"], "the views' mappings make up the total")
    for v in s["views"]:
        if v["pages"]:
            r = q.command("x-novt-mmu-view", view=v["view"])
            check(r["complete"] and sum(x["pages"] for x in r["runs"]) == v["pages"] and
                  sum(x["pages"] for x in r["runs"] if x["writable"]) == v["writable"], f"mmu view {v['view']}: all of its pages")
    d = q.command("x-novt-mmu-diff")
    supervisor = next(v for v in s["views"] if v["kind"] == "supervisor")
    sums = {who: d[who]["same"] + d[who]["stale"] + d[who]["too-much"] for who in d}
    check(sums["supervisor"] == supervisor["pages"] > 1000, f"mmu diff: each page of the view is judged once: {sums}")
    current = next(v for v in s["views"] if v["kind"] == "user" and v["current"])
    check(sums["user"] == current["pages"], "... and of the user view")
    check("no view 9999" in q.text("mmu view 9999") and "no view -1" in q.error("x-novt-mmu-view", view=-1)[1], "no such view")


def watched(q):
    """Counted since before the first instruction."""
    stats = q.command("x-novt-stats")
    exits, faults, io = (q.command(name, limit=1000) for name in ("x-novt-exits-top", "x-novt-mmu-faults", "x-novt-io"))
    for answer, lists in (exits, ["exits"]), (faults, ["by-pc", "by-page"]), (io, ["by-pc"]):
        for name in lists:
            listed = sum(r["count"] for r in answer[name])
            check(0 < listed <= sum(answer["totals"].values()), f"{name}: {listed} of {answer['totals']}")
    check(exits["totals"]["callout"] == stats["translator"]["callouts"], "exits: as many callouts as the translator's counter says")
    check(exits["totals"]["irq"] == stats["machine"]["interrupts"] + stats["machine"]["nmis"], "... and interrupts")
    check(faults["totals"]["hidden"] == stats["mmu"]["hidden-faults"] and faults["totals"]["smc"] > 0 and
          faults["totals"]["device"] >= stats["mmu"]["checked-faults"], f"mmu faults: as the counters say: {faults['totals']} {stats['mmu']}")
    check(io["totals"]["in"] == stats["machine"]["port-reads"] and io["totals"]["out"] == stats["machine"]["port-writes"], "io: the same")
    check(any("+0x" in r.get("symbol", "") for r in exits["exits"][:20]), "instructions of the kernel have names")
    irq = q.command("x-novt-irq")
    check(sum(v["delivered"] for v in irq["vectors"]) == stats["machine"]["interrupts"], "irq: vectors make up the counter")
    uart = next(v for v in irq["lines"] if v["line"] == 4)
    check(uart["raised"] > 0 and sum(v["lapic-ended"] for v in irq["vectors"]) > 0, "irq: the UART's line, ends of interrupts")
    trace = q.command("x-novt-trace-show", limit=4096)
    check(trace["seen"] > 1000 and {e["event"] for e in trace["events"]} <= {"cr3", "exception", "mode", "disk"}, "trace: what was asked for")
    address = q.text("p schedule")
    check(q.text("info symbol schedule+4") == f"{int(address, 16) + 4:08x} schedule+0x4\n", "a symbol by its name and back")
    check("<schedule+0x0>:" in q.text("x/1i schedule") and re.search(r"EIP is at \w+\+0x", q.text("info registers")), "symbols in listings")


def uptime(child):
    return float(re.search(r"\n([\d.]+) ", child.command("cat /proc/uptime", PROMPT).replace("\r", "")).group(1))


def time_stops(child, q):
    """The guest's clock goes no further than the machine's own."""
    before, ns = uptime(child), q.command("x-novt-stats")["machine"]["guest-ns"]
    q.command("stop")
    stopped = q.command("x-novt-stats")["machine"]["guest-ns"]
    for _ in range(2000):
        q.command("query-status")
    check(q.command("x-novt-stats")["machine"]["guest-ns"] == stopped, "guest time stands still")
    q.command("cont")
    after = uptime(child)
    ran = (q.command("x-novt-stats")["machine"]["guest-ns"] - ns) / 1e9
    check(0 < after - before <= ran + 1, f"the guest's clock went on by {after - before:.2f} s in {ran:.2f} s")


def media(child, q, path):
    child.command("head -c 7 /dev/sr0", PROMPT)
    check("disc-2" not in child.text, "the first disc is in")
    check("No such file" in q.error("change", device="ide1-cd0", target="/nowhere")[1], "change: a file that is not there")
    q.command("change", device="ide1-cd0", target=path, arg="raw")
    q.command("blockdev-change-medium", device="ide1-cd0", filename=path)
    drive = next(d for d in q.command("query-block") if d["device"] == "ide1-cd0")
    check(drive["inserted"]["file"] == path and drive["inserted"]["ro"], "query-block names the disc")
    out = child.command("for i in 1 2; do head -c 7 /dev/sr0 2>/dev/null; done; echo", PROMPT)
    check("disc-2" in out, "the guest reads the second disc", child)
    child.command("exec 3</dev/sr0", PROMPT)
    check("locked" in q.error("eject", device="ide1-cd0")[1], "a drive that the guest has locked")
    q.command("eject", device="ide1-cd0", force=True)
    check("inserted" not in next(d for d in q.command("query-block") if d["device"] == "ide1-cd0"), "... gives in to force")


def nmi(child, q):
    q.command("inject-nmi")
    while "NMI" not in child.command("dmesg | grep 'NMI received' | cat", PROMPT).split("\n", 1)[1]:
        pass
    check(True, "the kernel gets an NMI")


def keys(child, q):
    """On the other console: the shell on tty1 is not there, but the kernel's keyboard driver counts interrupts."""
    def count():
        return int(re.search(r"^ *1: +(\d+)", child.command("grep i8042 /proc/interrupts", PROMPT), re.M).group(1))
    before = count()
    q.command("send-key", keys=[{"type": "qcode", "data": "ctrl"}, {"type": "qcode", "data": "a"}])
    while count() == before:
        pass
    check(True, "keys make interrupts")


def main():
    novt, guests = sys.argv[1:3]
    linux_session.need_modules(guests)
    with Machines(novt) as machines:
        discs = []
        for n in 1, 2:
            discs.append(machines.file(f"cd{n}", f"disc-{n}\n".encode() + bytes(1 << 20)))
        for d in discs:
            os.truncate(d, 1 << 20)
        machines.start("linux", "-S", "--memory", "128M", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
                       os.path.join(guests, "initramfs-modules.gz"), "--append", "console=ttyS0 novt.modules=ata_piix,sr_mod",
                       "--cdrom", discs[0], "--serial", "null", guest=False)
        q = machines.qmp("linux")
        with Child([machines.novt, "console", "linux"], env=machines.env) as child:
            child.expect("Ctrl-A x leaves")
            for what in "exits", "faults", "io":
                q.command("x-novt-watch", what=what, enable=True)
            q.command("x-novt-trace", events="cr3,exception,mode,disk", condition="$cpl == 0")
            q.command("cont")
            linux_session.boot(child)
            inside(q)
            time_stops(child, q)
            keys(child, q)
            nmi(child, q)
            media(child, q, discs[1])
            child.send("poweroff -f\n")
            check(child.wait(120) == 0, "the console ends with the machine", child)
        last = q.rest()[-1]
        check(last["event"] == "SHUTDOWN" and last["data"] == {"guest": True, "reason": "guest-shutdown"}, "the guest's power-off is told")


if __name__ == "__main__":
    main()
