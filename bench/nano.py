"""nano.py: single privileged operations in cycles: runs nano/nano.asm in novt and in TCG, in turns."""
import os
import re
import subprocess
import tempfile

import report
from expect import Failure

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nano")
SOURCE = os.path.join(FOLDER, "nano.asm")
DONE = 33  # exit code of both machines when the guest writes 10h to its debug exit port
LIMIT = 120

with open(os.path.join(FOLDER, "vmware.def")) as published:
    VMWARE = {m[1]: int(m[2]) for m in re.finditer(r"^VMWARE\((\w+), (\d+)\)", published.read(), re.M)}


def build(out, name="nano"):
    image = os.path.join(out, name + ".bin")
    subprocess.run(["nasm", "-f", "bin", "-I", FOLDER + "/", "-o", image, os.path.join(FOLDER, name + ".asm")], check=True)
    return image


def novt_argv(novt, image, serial, memory=64):
    return [novt, "run", "--kernel", image, "--memory", f"{memory}M", "--net", "none", "--display", "none", "--serial", f"file:{serial}",
            "--debug-exit", "iobase=0xF4,iosize=4"]


def tcg_argv(image, serial, memory=64):
    return ["qemu-system-i386", "-accel", "tcg", "-m", str(memory), "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "none",
            "-serial", f"file:{serial}", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", image]


def parse(text):
    """{name: the two numbers behind it}"""
    if not re.search(r"^end$", text, re.M):
        raise Failure(f"the guest did not come to its end:\n{text}")
    return {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"^(\w+) (\d+) (\d+)$", text, re.M)}


def start(argv_of):
    """Runs a guest to its end; returns its lines and what the machine printed to stderr."""
    with tempfile.NamedTemporaryFile() as serial:
        argv = argv_of(serial.name)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT)
        if done.returncode != DONE:
            raise Failure(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr}")
        with open(serial.name) as text:
            return parse(text.read().replace("\r", "")), done.stderr


def launch(argv_of):
    """{name: (best, median)} in cycles"""
    return {name: (best / 100, median / 100) for name, (best, median) in start(argv_of)[0].items()}


def row(name, runs):
    """Medians of the repetitions of a launch: the best one of an adaptive translator need not be what lasts."""
    cycles = {system: report.spread([run[name][1] for run in all_runs]) for system, all_runs in runs.items()}
    best = {system: min(run[name][0] for run in all_runs) for system, all_runs in runs.items()}
    out = {"name": name, "cycles": cycles, "best": best, "vmware": VMWARE.get(name), "tcg_novt": None}
    if "tcg" in runs:
        pairs = zip(runs["tcg"], runs["novt"])
        # A cycle at least: what the loop hides entirely has no ratio.
        out["tcg_novt"] = report.spread([max(t[name][1], 1) / max(n[name][1], 1) for t, n in pairs])
    return out


def measure(novt, out, rounds, with_tcg, say):
    image = build(out)
    starts = {"novt": lambda serial: novt_argv(novt, image, serial)}
    if with_tcg:
        starts["tcg"] = lambda serial: tcg_argv(image, serial)
    runs = {system: [] for system in starts}
    for _ in range(rounds):
        for system, argv_of in starts.items():
            runs[system].append(launch(argv_of))
    rows = [row(name, runs) for name in runs["novt"][0]]
    say(f"nanobenchmarks: {len(rows)}, median of {rounds} launches; geometric mean TCG / novt "
        f"{report.geomean([r['tcg_novt']['median'] for r in rows if r['tcg_novt']]):.2f}")
    return rows


def table(rows):
    def cell(r, system):
        c = r["cycles"].get(system)
        return [f"{c['median']:,.0f}", f"{c['low']:,.0f}-{c['high']:,.0f}"] if c else ["", ""]
    body = [[r["name"], *cell(r, "novt"), *cell(r, "tcg"), f"{r['tcg_novt']['median']:.2f}" if r["tcg_novt"] else "",
             f"{r['vmware']:,}" if r["vmware"] else ""] for r in rows]
    return report.table(["cycles", "novt", "range", "TCG", "range", "TCG/novt", "VMware 2006"], body)


def worst_ratio(rows):
    ratios = [(r["tcg_novt"]["median"], r["name"]) for r in rows if r["tcg_novt"]]
    return min(ratios) if ratios else None


def median_of(rows, name):
    return next((r["cycles"]["novt"]["median"] for r in rows if r["name"] == name), None)

