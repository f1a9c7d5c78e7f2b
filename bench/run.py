#!/usr/bin/env python3
"""run.py: measures novt against a native process and against QEMU's TCG; see README.md.

Everything is interleaved, so that noise of the host meets all sides alike. Tables go to stdout, everything to
results.json.
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the source folders stay clean
import devices  # noqa: E402
import growth  # noqa: E402
import guests  # noqa: E402
import host  # noqa: E402
import console_cost  # noqa: E402
import kernels  # noqa: E402
import machine  # noqa: E402
import nano  # noqa: E402
import plots  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import sampling  # noqa: E402
import soak  # noqa: E402
import startup  # noqa: E402
import targets  # noqa: E402
from expect import Failure  # noqa: E402

SUITES = ("machine", "nano", "console", "devices", "programs", "growth", "profile")  # besides the groups of kernels/


def say(what):
    print(f"== {what}", file=sys.stderr, flush=True)


class Run:
    """One run: its options, what it built, and the figures so far."""

    def __init__(self, args):
        os.makedirs(args.out, exist_ok=True)
        self.args, self.data = args, {"host": host.describe(), "rounds": args.rounds, "milliseconds": args.milliseconds,
                                      "memory_mib": args.memory, "quick": args.quick}
        self.program = kernels.build_program(args.out)
        self.initrd = kernels.build_initrd(args.out, os.path.join(args.guests, "initramfs.gz"))
        self.starter = guests.Starter(args.novt, args.guests, not args.no_tcg)
        self.starts = self.starter.with_initrd(self.initrd, args.memory)

    def soak(self):
        args, data = self.args, self.data
        data["soak"] = soak.measure(args.soak, self.starter, self.initrd, args.out, args.guests, say)
        return data

    def chosen(self, suite):
        return not self.args.benchmark or suite in self.args.benchmark

    def measure(self):
        args, data = self.args, self.data
        benches = kernels.choose(self.program, args.benchmark, SUITES)
        if self.chosen("machine"):
            data["startup"] = startup.measure(args.novt, args.out, not args.no_tcg, say)
            data |= machine.measure(self.starts, args.rounds, args.memory << 20, say)
        if self.chosen("nano"):
            data["nano"] = nano.measure(args.novt, args.out, args.rounds + 2, not args.no_tcg, say)
        if self.chosen("console"):
            data["console"] = console_cost.measure(args.novt, args.out, 2 * args.rounds + 1, say)
        if self.chosen("devices"):
            initrd = kernels.build_initrd(args.out, os.path.join(args.guests, "initramfs-modules.gz"))
            data["devices"] = devices.measure(args.novt, args.guests, initrd, args.out, args.rounds, args.milliseconds, not args.no_tcg,
                                              say)
        data["results"] = []
        if benches:
            data["results"], data["stats_of_benchmarks"] = kernels.measure(self.program, self.starts, benches, args.rounds,
                                                                           args.milliseconds, say)
        if self.chosen("programs"):
            data["results"] += programs.measure(self.program, self.starter, self.initrd, args.out, args.guests, args, say)
        if self.chosen("growth"):
            data["growth"] = growth.measure(args, self.starter, self.initrd, say)
        if self.chosen("profile"):
            data["profile"] = sampling.measure(self.starter, self.initrd, args.out, args.guests, say)
        data["targets"] = targets.judge(data)
        return data


def options():
    root = guests.ROOT
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter runs")
    parser.add_argument("--rounds", type=int, help="rounds (default: 3; quick: 2)")
    parser.add_argument("--milliseconds", type=int, help="time of one run of one benchmark (default: 400; quick: 120)")
    parser.add_argument("--memory", type=int, default=512, help="guest memory in MiB")
    parser.add_argument("--novt", default=os.path.join(root, "build", "novt"), help="the program to measure")
    parser.add_argument("--guests", type=os.path.abspath, default=os.path.join(root, "build", "guests"))
    parser.add_argument("--out", type=os.path.abspath, default=os.path.join(root, "build", "bench"), help="folder for the program and results.json")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only this: fork, exec and compile for that long; writes soak.json")
    parser.add_argument("--no-tcg", action="store_true", help="leave QEMU out")
    parser.add_argument("benchmark", nargs="*", help=f"only these: names, the groups compute and kernel, or {', '.join(SUITES)}")
    args = parser.parse_args()
    args.rounds = args.rounds or (2 if args.quick else 3)
    args.milliseconds = args.milliseconds or (120 if args.quick else 400)
    return args


def draw_plots(out):
    """What results.json and soak.json hold, where gnuplot is there to draw it."""
    files = [os.path.join(out, name) for name in ("results.json", "soak.json")]
    if not shutil.which("gnuplot"):
        return say("no gnuplot: no plots")
    plots.draw_all(*(plots.load(path) if os.path.exists(path) else None for path in files), os.path.join(out, "plots"))


def main():
    args = options()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the sessions report their steps
            run = Run(args)
            data = run.soak() if args.soak else run.measure()
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"bench: {failure}")
    with open(os.path.join(args.out, "soak.json" if args.soak else "results.json"), "w") as out:
        json.dump(data, out, indent=1)
    draw_plots(args.out)
    print(soak.text(data["soak"]) if args.soak else report.text(data), end="")


if __name__ == "__main__":
    main()
