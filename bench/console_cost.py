"""console_cost.py: what the management console costs: a fixed amount of work in machines without a socket, with one that nobody uses, and
with `novt top` at it; by CPU time of the whole process, in turns. A second machine without a socket tells how much is noise."""
import os
import statistics
import subprocess
import tempfile
import time

import nano
import report
from expect import Failure

NAME, PATIENCE = "cost", 60
LIMIT = 1.01  # when nobody looks
SIDES = {"no socket": ["--control", "off"], "no socket again": ["--control", "off"], "socket, nobody connected": [], "novt top watches": []}
BASE, CONTROL, IDLE, WATCHED = SIDES


def wait_for(path, child):
    end = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        if time.monotonic() > end or child.poll() is not None:
            raise Failure(f"no socket {path}")
        time.sleep(0.005)


def run(novt, image, side):
    """Processor seconds of one machine."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "XDG_RUNTIME_DIR": folder}
        argv = nano.novt_argv(novt, image, "/dev/null") + ["--name", NAME, *SIDES[side]]
        child, top = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL), None
        try:
            if side == WATCHED:
                wait_for(os.path.join(folder, "novt", NAME + ".sock"), child)
                top = subprocess.Popen([novt, "top", NAME, "-d", "1"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            for process in child, top:
                if process and process.poll() is None:
                    process.kill()
                    process.wait()
        if child.returncode != nano.DONE:
            raise Failure(f"{' '.join(argv)}: exit code {child.returncode}")
        return used.ru_utime + used.ru_stime


def summarize(seconds):
    """seconds: {side: [of each round]}. Per round, because what disturbs one side often disturbs the others."""
    ratios = {side: [a / b for a, b in zip(seconds[side], seconds[BASE])] for side in seconds if side != BASE}
    control = ratios[CONTROL]
    noise = statistics.stdev(control) / len(control) ** 0.5 if len(control) > 1 else 0
    return {"seconds": {side: report.spread(values) for side, values in seconds.items()},
            "ratios": {side: report.spread(values) for side, values in ratios.items()}, "noise": noise}


def measure(novt, out, rounds, say):
    image, seconds = nano.build(out, "work"), {side: [] for side in SIDES}
    novt = os.path.abspath(novt)
    run(novt, image, BASE)  # the files are in memory from now on
    for i in range(rounds):
        for side in list(SIDES) if i % 2 == 0 else list(reversed(SIDES)):
            seconds[side].append(run(novt, image, side))
    result = summarize(seconds)
    say("console: " + ", ".join(f"{side} {r['median']:.3f}" for side, r in result["ratios"].items()) + f", noise {result['noise']:.3f}")
    return result


def limit(result):
    """One percent, and what the median of as many rounds is uncertain by when nothing differs."""
    return LIMIT + 2 * result["noise"]


def table(result):
    def row(side):
        s, r = result["seconds"][side], result["ratios"].get(side)
        ratio = f"{r['median']:.3f} ({r['low']:.3f}-{r['high']:.3f})" if r else "1"
        return [side, f"{s['median']:.2f} s", ratio]
    return report.table(["the same work, CPU time of the process", "median", "against no socket"], [row(side) for side in SIDES])
