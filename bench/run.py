#!/usr/bin/env python3
"""run.py: measures novt against a native process and against QEMU's TCG; see README.md.

The same 32-bit program runs in all three, interleaved benchmark by benchmark, so that noise of the host meets
them alike. Tables go to stdout, everything to results.json.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the source folders stay clean
import guests  # noqa: E402
import host  # noqa: E402
import report  # noqa: E402
from expect import Failure  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
KERNELS = os.path.join(HERE, "kernels")
CFLAGS = ["-m32", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-fno-pie"]
FILE_FLAGS = {"matrix_x87.c": ["-mfpmath=387"], "matrix_sse2.c": ["-msse2", "-mfpmath=sse"]}
IDLE_SECONDS = 20
RUN_LIMIT = 240


def say(what):
    print(f"== {what}", file=sys.stderr, flush=True)


# ---- The program and its RAM disk ----

def build_program(out):
    objects = []
    for name in sorted(n for n in os.listdir(KERNELS) if n.endswith(".c")):
        objects.append(os.path.join(out, name[:-2] + ".o"))
        subprocess.run(["gcc", *CFLAGS, *FILE_FLAGS.get(name, []), "-c", os.path.join(KERNELS, name), "-o", objects[-1]], check=True)
    program = os.path.join(out, "tree", "bin", "bench")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    subprocess.run(["gcc", "-m32", "-static", "-no-pie", "-s", "-o", program, *objects], check=True)
    return program


def build_initrd(out, base):
    """The kernel unpacks archives that follow each other into one tree."""
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], input=b"bin/bench\n", stdout=subprocess.PIPE,
                             cwd=os.path.join(out, "tree"), check=True).stdout
    path = os.path.join(out, "initramfs.bench")
    with open(path, "wb") as initrd, open(base, "rb") as first:
        shutil.copyfileobj(first, initrd)
        initrd.write(b"\0" * (-initrd.tell() % 4))
        initrd.write(archive)
    return path


def wanted(program, words):
    """(name, group) of the benchmarks that the words name, all without words."""
    lines = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    known = [tuple(line.split()) for line in lines]
    unknown = set(words) - {w for pair in known for w in pair}
    if unknown:
        raise Failure(f"unknown benchmark: {' '.join(sorted(unknown))}")
    return [pair for pair in known if not words or set(pair) & set(words)]


# ---- Measurements ----

def translator_figures(text):
    """The --stats report: lines of a name and a number."""
    return {m[1]: float(m[2]) if "." in m[2] else int(m[2]) for m in re.finditer(r"^  (\S.*?) {2,}(\d[\d.]*)\r*$", text, re.M)}


def boot_all(starts):
    """Boots each machine, one after the other; returns them at their prompts."""
    machines = {}
    try:
        for system, start in starts.items():
            machines[system] = start()
            say(f"boot: {system} {machines[system].boot:.2f} s")
    except Failure:
        close_all(machines)
        raise
    return machines


def close_all(machines):
    for machine in machines.values():
        machine.close()


def measure_boots(starts, rounds):
    """Seconds to the prompt of so many boots of each machine."""
    times = {system: [] for system in starts}
    for _ in range(rounds):
        for system, start in starts.items():
            machines = boot_all({system: start})
            try:
                times[system].append(machines[system].boot)
                machines[system].poweroff()
            finally:
                close_all(machines)
    return times


def measure_at_rest(starts, ram):
    """Boot times, memory right after boot, CPU use while idle at the prompt, and the translator's counters of just that."""
    machines = boot_all(starts)
    try:
        memory = {"novt": host.novt_memory(machines["novt"].pid)}
        if "tcg" in machines:
            memory["tcg"] = host.tcg_memory(machines["tcg"].pid, ram)
        idle = host.cpu_shares({system: m.pid for system, m in machines.items()}, IDLE_SECONDS)
        stats = translator_figures(machines["novt"].poweroff())
        return {system: m.boot for system, m in machines.items()}, {"memory": memory, "idle": idle, "stats": stats}
    finally:
        close_all(machines)


def measure_machines(starts, rounds, ram):
    times = measure_boots(starts, rounds - 1)
    last, data = measure_at_rest(starts, ram)
    return {"boot": {system: report.spread(t + [last[system]]) for system, t in times.items()}, **data}


def measure_one(places, name, group, rounds, ms):
    taken = []
    for _ in range(rounds):
        taken.append({system: place.run(name, ms, RUN_LIMIT) for system, place in places.items()})
    result = report.summarize(name, group, taken)
    tcg = f", TCG / novt {result['tcg_novt']['median']:.2f}" if result["tcg_novt"] else ""
    say(f"{name}: novt / native {result['novt_native']['median']:.2f}{tcg}")
    return result


def measure_benchmarks(native, starts, benches, rounds, ms):
    machines = boot_all(starts)
    try:
        places = {"native": native, **machines}
        results = [measure_one(places, name, group, rounds, ms) for name, group in benches]
        return results, translator_figures(machines["novt"].poweroff())
    finally:
        close_all(machines)


# ---- The whole run ----

def measure(args):
    os.makedirs(args.out, exist_ok=True)
    program = build_program(args.out)
    initrd = build_initrd(args.out, os.path.join(args.guests, "initramfs.gz"))
    benches = wanted(program, args.benchmark)
    starter = guests.Starter(args.novt, args.guests, initrd, args.memory)
    starts = {"novt": starter.start_novt} | ({} if args.no_tcg else {"tcg": starter.start_tcg})
    data = {"host": host.describe(), "rounds": args.rounds, "milliseconds": args.milliseconds, "memory_mib": args.memory}
    if not args.benchmark:
        data |= measure_machines(starts, args.rounds, args.memory << 20)
    data["results"], data["stats_of_benchmarks"] = measure_benchmarks(guests.Native(program), starts, benches, args.rounds,
                                                                      args.milliseconds)
    data["promises"] = report.promises(data)
    return data


def options():
    root = guests.ROOT
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter runs")
    parser.add_argument("--rounds", type=int, help="rounds (default: 3; quick: 2)")
    parser.add_argument("--milliseconds", type=int, help="time of one run of one benchmark (default: 400; quick: 120)")
    parser.add_argument("--memory", type=int, default=512, help="guest memory in MiB")
    parser.add_argument("--novt", default=os.path.join(root, "build", "novt"), help="the program to measure")
    parser.add_argument("--guests", default=os.path.join(root, "build", "guests"))
    parser.add_argument("--out", default=os.path.join(root, "build", "bench"), help="folder for the program and results.json")
    parser.add_argument("--no-tcg", action="store_true", help="leave QEMU out")
    parser.add_argument("benchmark", nargs="*", help="only these, or the groups compute and kernel; without boot and idle")
    args = parser.parse_args()
    args.rounds = args.rounds or (2 if args.quick else 3)
    args.milliseconds = args.milliseconds or (120 if args.quick else 400)
    return args


def main():
    args = options()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the sessions report their steps
            data = measure(args)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"bench: {failure}")
    with open(os.path.join(args.out, "results.json"), "w") as out:
        json.dump(data, out, indent=1)
    print(report.text(data), end="")


if __name__ == "__main__":
    main()
