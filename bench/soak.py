"""soak.py: MINUTES of fork, exec and compile in one guest of novt, with what the host sees after each round recorded and bounded."""
import os
import statistics
import time

import growth
import host
import machine
import programs
import report

QUARTERS = 4
# The last quarter against the first one after warming up, which is the second. Wall times are shown and not judged: they
# follow what else the host does, processor time hardly does.
BOUNDS = {"memory": 1.15, "page_tables": 1.25, "vmas": 1.25, "build_cpu": 1.25}
SHOWN = (*BOUNDS, "build", "fork_exec_wait", "load")
MEMORY_MIB = programs.MEMORY_MIB


def one_round(place, booted):
    """Compiles a source tree, starts processes, and looks."""
    build = programs.run_timed(place, programs.KERNEL["build_untar_compile"], 1)
    latency = booted.run("fork_exec_wait", 300, 60)
    memory = host.novt_memory(booted.pid)
    return {"build": build["best"], "build_cpu": build["host_cpu"], "load": os.getloadavg()[0], "fork_exec_wait": latency["mean"],
            "memory": memory["resident"], "page_tables": memory["page_tables"], "vmas": growth.vmas(booted.pid)}


def quarters(samples):
    """The medians of each quarter of the run."""
    size = len(samples) / QUARTERS
    parts = [samples[int(i * size):int((i + 1) * size)] for i in range(QUARTERS)]
    return [{k: statistics.median(s[k] for s in part) for k in SHOWN} | {"minutes": part[-1]["at"] / 60, "rounds": len(part)}
            for part in parts if part]


def verdicts(parts):
    return [{"what": name, "growth": parts[-1][name] / parts[1][name], "limit": limit, "pass": parts[-1][name] / parts[1][name] <= limit}
            for name, limit in BOUNDS.items()]


def measure(minutes, starter, base, out, guest_files, say):
    tree, _ = programs.prepare(out, guest_files)
    booted = starter.with_initrd(programs.build_initrd(out, base, tree), MEMORY_MIB)["novt"]()
    samples, start = [], time.monotonic()
    try:
        place = programs.Guest(booted)
        while time.monotonic() - start < minutes * 60 or len(samples) < QUARTERS:
            samples.append({**one_round(place, booted), "at": time.monotonic() - start})
            if len(samples) % 10 == 0:
                say(f"soak: {samples[-1]['at'] / 60:.1f} min, {samples[-1]['memory'] / report.MIB:.1f} MiB, {samples[-1]['vmas']} mappings")
        stats = machine.translator_figures(booted.poweroff())
    finally:
        booted.close()
    parts = quarters(samples)
    return {"minutes": minutes, "samples": samples, "quarters": parts, "verdicts": verdicts(parts), "stats": stats}


def text(soak):
    def cells(q):
        return [f"{q['minutes']:.1f}", str(q["rounds"]), report.duration(q["build"]), report.duration(q["build_cpu"]),
                f"{q['load']:.1f}", report.duration(q["fork_exec_wait"]),
                f"{q['memory'] / report.MIB:.1f} MiB", f"{q['page_tables'] / report.MIB:.1f} MiB", f"{q['vmas']:,.0f}"]
    rows = report.table(["until minute", "rounds", "untar + compile", "its CPU time", "host load", "fork + exec + wait", "memory beyond RAM",
                         "page tables", "host mappings"],
                        [cells(q) for q in soak["quarters"]])
    judged = report.table(["last quarter / second", "growth", "limit", "verdict"],
                          [[v["what"], f"{v['growth']:.2f}", f"<= {v['limit']:.2f}", "pass" if v["pass"] else "SHORT"]
                           for v in soak["verdicts"]])
    counters = report.stats_table(soak["stats"], "counters at the end, by `--stats`")
    return "\n\n".join([rows, judged, counters]) + "\n"
