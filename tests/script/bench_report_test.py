#!/usr/bin/env python3
"""bench_report_test.py NOVT: ratios, tables and verdicts of the benchmarks, on made-up results; plots where gnuplot is there."""
import math
import os
import shutil
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")
sys.dont_write_bytecode = True
sys.path[:0] = [BENCH, os.path.join(BENCH, "..", "tests", "lib"), os.path.join(BENCH, "..", "tests", "boot")]
import console_cost  # noqa: E402
import devices  # noqa: E402
import machine  # noqa: E402
import nano  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import soak  # noqa: E402
import targets  # noqa: E402
from expect import check  # noqa: E402


def sample(seconds, checksum="1"):
    return {"best": seconds, "first": seconds, "mean": seconds, "cpu": seconds, "host_cpu": seconds, "reps": 1, "checksum": checksum}


def rounds(native, novt, tcg):
    return [{"native": sample(n), "novt": sample(v), "tcg": sample(t)} for n, v, t in zip(native, novt, tcg)]


def verdict(found, start):
    return next(v for v in found if v["what"].startswith(start))


RESULTS = [report.summarize("fib", "compute", rounds([1, 1, 1], [1.05, 1.0, 3.0], [20, 22, 21])),
           report.summarize("perl", "programs", rounds([1], [1.5], [10])),
           report.summarize("fork_wait", "kernel", rounds([1], [2], [7]))]
NANO = [nano.row(name, {"novt": [{name: (1.0, cycles)}], "tcg": [{name: (1.0, 100.0)}]})
        for name, cycles in (("callret", 20.0), ("divzero", 5000.0))]
DEVICES = [devices.row("ide_sequential_read", {"novt": [2e6, 3e6], "tcg": [1e6, 1e6]}),
           devices.row("e1000_tcp_echo", {"novt": [1e-4], "tcg": [2e-4]})]
PASSES = {"pass1": 900, "pass2": 200, "pass4": 90}
COUNTERS = {"translation cycles / instruction": 800, "host bytes / instruction": 7.0, "flushes": 0}
GROWTH = {"code": [{"MiB": m, "novt": {**PASSES, **COUNTERS}, "tcg": PASSES} for m in (1, 4)],
          "ram": [{"MiB": 64, "boot": 2.0, "memory": 1 << 25, "page_tables": 1 << 20, "vmas": 300}],
          "processes": [{"processes": 1, "fork_wait": 1e-4, "pipe_ping_pong": 1e-5, "getpid_sysenter": 5e-7, "memory": 1 << 25,
                         "page_tables": 1 << 20, "vmas": 300}],
          "machines": [{"machines": 1, "boot": 2.0, "idle": 0.01, "memory": 1 << 25, "rate": 100.0}]}
CONSOLE = {side: [t * factor for t in (1.0, 2.0, 1.5, 1.0)] for side, factor in zip(console_cost.SIDES, (1, 1, 1.005, 1.2))}
DATA = {"host": {"cpu": "a CPU", "cores": 2, "kernel": "6", "load": 0.0, "revision": "none"}, "rounds": 3, "memory_mib": 512,
        "results": RESULTS, "nano": NANO, "devices": DEVICES, "growth": GROWTH, "console": console_cost.summarize(CONSOLE), "boot": {"novt": {"median": 2.0, "low": 2.0, "high": 2.0},
                                                                                        "tcg": {"median": 7.0, "low": 7.0, "high": 7.0}},
        "memory": {"novt": {"total": 40 << 20, "page_tables": 0}}, "idle": {"novt": 0.02}}


def ratios():
    fib = RESULTS[0]
    check(fib["novt_native"]["median"] == 1.05 and fib["novt_native"]["high"] == 3.0, "a ratio is the median of the rounds")
    check(math.isclose(fib["novt_native"]["of_bests"], 1.0), "and that of the best of all rounds")
    odd = report.summarize("odd", "compute", [{"native": sample(1, "1"), "novt": sample(1, "2")}])
    check(not odd["checksums_equal"] and odd["tcg_novt"] is None, "different results are seen, a missing side too")
    check([d["gain"]["median"] for d in DEVICES] == [2.5, 2.0], "rates and times both gain above 1")


def verdicts():
    found = targets.judge(DATA)
    passes = {start: verdict(found, start)["pass"] for start in
              ("compute, novt / native, geometric", "compute, novt / native, worst (perl)", "boot", "CPU of an idle", "memory", "fork_wait",
               "callret", "divzero", "nanobenchmarks slower", "ide_sequential_read")}
    check(list(passes.values()) == [False, False, False, False, True, False, True, False, False, True], f"verdicts: {passes}")
    check(verdict(found, "cost of the console")["pass"], "half a percent is little")
    dear = console_cost.summarize({**CONSOLE, console_cost.IDLE: [t * 1.02 for t in CONSOLE[console_cost.BASE]]})
    check(not next(targets.of_console(dear))["pass"] and dear["noise"] == 0, "two percent without noise is too much")
    noisy = console_cost.summarize({**CONSOLE, console_cost.CONTROL: [0.9, 2.2, 1.4, 1.1]})
    check(console_cost.limit(noisy) > console_cost.LIMIT + 0.01, "noise is allowed for, and told")
    check(not any(v["what"].startswith("e1000_tcp_echo") for v in found), "only throughput has a figure to reach")


def texts():
    lines = report.text({**DATA, "targets": targets.judge(DATA)}).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    check(all(line.endswith("|") for line in tables) and len(tables) > 40, "tables are whole")
    stats = machine.translator_figures("mmu\n  walks                                   12\n  host bytes / instruction              3.50\n")
    check(stats == {"walks": 12, "host bytes / instruction": 3.5}, "counters are read")
    samples = [{"build": 1.0, "build_cpu": 1.0, "load": 1.0, "fork_exec_wait": 1.0, "memory": 100 + i, "page_tables": 1, "vmas": 10 * (1 + i), "at": i} for i in range(8)]
    judged = {v["what"]: v["pass"] for v in soak.verdicts(soak.quarters(samples))}
    check(judged["memory"] and judged["build_cpu"] and not judged["vmas"], "a soak that grows is told from one that does not")


def pictures():
    if not shutil.which("gnuplot"):
        return
    with tempfile.TemporaryDirectory() as folder:
        names = plots.draw_all(DATA, None, folder)
        check(names == ["compute", "kernel", "nano", "devices", "growth-code"], "plots are drawn")
        check(all(os.path.getsize(os.path.join(folder, n + ext)) > 5000 for n in names for ext in (".svg", ".png")), "and hold something")


ratios()
verdicts()
texts()
pictures()
