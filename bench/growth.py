"""growth.py: how novt's costs grow: with the amount of code, RAM, processes, and machines side by side."""
import threading

import host
import linux_session
import machine
import nano
import report

CODE_MIB, QUICK_CODE_MIB = (1, 4, 16, 64), (1, 4, 16)
RAM_MIB, QUICK_RAM_MIB = (64, 256, 1024, 3072), (64, 1024)
PROCESSES, QUICK_PROCESSES = (1, 50, 200, 500), (1, 200)
MACHINES, QUICK_MACHINES = (1, 2, 4, 8), (1, 4)
IDLE_SECONDS = 5
MIB = 1 << 20


# ---- Code ----

def code_point(argv_of, stats):
    passes, stderr = nano.start(argv_of)
    out = {name: cycles / 100 for name, (cycles, _) in passes.items()}
    if stats:
        counters = machine.translator_figures(stderr)
        for name in ("host bytes / instruction", "translation cycles / instruction", "flushes", "cache used"):
            out[name] = counters.get(name)
    return out


def code(novt, out, quick, with_tcg):
    image = nano.build(out, "growth")
    rows = []
    for mib in QUICK_CODE_MIB if quick else CODE_MIB:
        row = {"MiB": mib, "novt": code_point(lambda s, n=mib: nano.novt_argv(novt, image, s, 256) + ["--append", str(n), "--stats"], True)}
        if with_tcg:
            row["tcg"] = code_point(lambda s, n=mib: nano.tcg_argv(image, s, 256) + ["-append", str(n)], False)
        rows.append(row)
    return rows


def code_table(rows):
    def cell(r, system, name):
        return f"{r[system][name]:,.0f}" if system in r else ""
    body = [[f"{r['MiB']} MiB", *(cell(r, "novt", f"pass{i}") for i in (1, 2, 4)), *(cell(r, "tcg", f"pass{i}") for i in (1, 2, 4)),
             f"{r['novt']['translation cycles / instruction']:,.0f}", f"{r['novt']['host bytes / instruction']:.1f}",
             f"{r['novt']['flushes']:.0f}"] for r in rows]
    return report.table(["guest code, cycles / instruction", "novt, 1st pass", "2nd", "4th", "TCG, 1st pass", "2nd", "4th",
                         "of which translation", "host bytes / insn", "flushes"], body)


# ---- One Linux guest each ----

def vmas(pid):
    with open(f"/proc/{pid}/maps") as maps:
        return sum(1 for _ in maps)


def costs(booted):
    memory = host.novt_memory(booted.pid)
    return {"memory": memory["resident"], "page_tables": memory["page_tables"], "vmas": vmas(booted.pid)}


def ram(starter, initrd, quick):
    rows = []
    for mib in QUICK_RAM_MIB if quick else RAM_MIB:
        booted = starter.with_initrd(initrd, mib)["novt"]()
        try:
            rows.append({"MiB": mib, "boot": booted.boot, **costs(booted)})
        finally:
            booted.close()
    return rows


def processes(starter, initrd, memory, quick):
    """Latencies in a guest where so many more processes sleep."""
    rows, running = [], 0
    booted = starter.with_initrd(initrd, memory)["novt"]()
    try:
        for count in QUICK_PROCESSES if quick else PROCESSES:
            more = f"set +m; i={running}; while [ $i -lt {count} ]; do sleep 100000 > /dev/null & i=$((i+1)); done; sleep 1"
            booted.child.command(more, linux_session.PROMPT, 300)
            running = count
            row = {"processes": count}
            for name in ("fork_wait", "pipe_ping_pong", "getpid_sysenter"):
                row[name] = booted.run(name, 200, 60)["best"]
            rows.append({**row, **costs(booted)})
    finally:
        booted.close()
    return rows


# ---- Machines side by side ----

def at_once(functions):
    results = [None] * len(functions)

    def run(i, function):
        results[i] = function()
    threads = [threading.Thread(target=run, args=(i, f)) for i, f in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def side_by_side(starter, initrd, quick):
    rows = []
    start = starter.with_initrd(initrd, 128)["novt"]
    for count in QUICK_MACHINES if quick else MACHINES:
        booted = [b for b in at_once([start] * count) if b]
        try:
            if len(booted) < count:
                raise OSError(f"only {len(booted)} of {count} machines came up")
            idle = host.cpu_shares({i: b.pid for i, b in enumerate(booted)}, IDLE_SECONDS)
            mean = [r["mean"] for r in at_once([lambda b=b: b.run("crc", 1000, 60) for b in booted])]
            rows.append({"machines": count, "boot": max(b.boot for b in booted), "idle": sum(idle.values()) / count,
                         "memory": sum(costs(b)["memory"] for b in booted) / count, "rate": sum(1 / m for m in mean)})
        finally:
            for b in booted:
                b.close()
    return rows


def measure(args, starter, initrd, say):
    out = {}
    out["code"] = code(args.novt, args.out, args.quick, not args.no_tcg)
    say("growth: code")
    out["ram"] = ram(starter, initrd, args.quick)
    say("growth: RAM")
    out["processes"] = processes(starter, initrd, args.memory, args.quick)
    say("growth: processes")
    out["machines"] = side_by_side(starter, initrd, args.quick)
    say("growth: machines")
    return out


def cost_cells(r):
    return [f"{r['memory'] / MIB:.1f} MiB", f"{r['page_tables'] / MIB:.1f} MiB", f"{r['vmas']:,}"]


def tables(growth):
    """One for each thing that grows."""
    yield code_table(growth["code"])
    yield report.table(["guest RAM", "boot", "memory beyond it", "page tables", "host mappings"],
                       [[f"{r['MiB']} MiB", f"{r['boot']:.2f} s", *cost_cells(r)] for r in growth["ram"]])
    names = ("fork_wait", "pipe_ping_pong", "getpid_sysenter")
    yield report.table(["sleeping processes", *names, "memory beyond RAM", "page tables", "host mappings"],
                       [[str(r["processes"]), *(report.duration(r[n]) for n in names), *cost_cells(r)] for r in growth["processes"]])
    base = growth["machines"][0]["rate"]
    yield report.table(["machines at once", "boot of the last", "idle CPU each", "memory beyond RAM each", "work of all, 1 machine = 1"],
                       [[str(r["machines"]), f"{r['boot']:.2f} s", f"{r['idle']:.1%}", f"{r['memory'] / MIB:.1f} MiB",
                         f"{r['rate'] / base:.2f}"] for r in growth["machines"]])
