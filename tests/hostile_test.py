#!/usr/bin/env python3
"""hostile_test.py NOVT [--seed N] [--count N] [--seconds S] [--jobs N] [--only KIND]: guests that do everything wrong.

Every image is a function of its number, which a failure prints; `--first N --count 1 --keep DIR` builds it again.
Passes while novt ends with an exit code of its own: never 126, no signal, no sanitizer report, no endless run.
"""
import argparse
import concurrent.futures
import functools
import os
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "hostile"))
import image  # noqa: E402

BUG, GRACE = 126, 60
MODES = ("", "", "one-insn", "checked", "direct", "cache=1M", "direct,cache=1M", "plain")
REPORT = re.compile(rb"Sanitizer|runtime error|novt: .*bug: |crash", re.I)
KINDS = 6 * ("monkey",) + ("noise", "noise16", "soup16", "high") + 6 * ("monkey",) + ("soup", "noise16", "soup16", "ports")


class Case:
    """One image and how to run it."""

    def __init__(self, number, args, core):
        r = random.Random(number)
        self.number, self.kind = number, args.only or KINDS[number % len(KINDS)]
        if self.kind == "ports" and number % 200 >= 20 and not args.only:
            self.kind = "monkey"  # a whole sweep is long: a few are enough
        self.bt = args.bt if args.bt is not None else r.choice(MODES)
        self.options = ["--max-vmas", "40"] if r.randrange(8) == 0 else []
        self.options += ["--no-reboot"] if self.kind != "monkey" else []
        if self.kind == "monkey":
            self.data, where = image.monkey(number, core, 1000), image.BASE
        elif self.kind == "ports":
            self.data, where = image.ports(number), image.BASE
        else:
            real = self.kind.endswith("16")
            where = r.choice((0x7C00, 0x1000, 0x9F000)) if real else r.choice((0x100000, 0x7C00, 0x0, 0x9F000))
            if self.kind == "high":
                where = image.MEMORY - 4096
            self.data = image.noise(number) if self.kind.startswith("noise") else image.soup(number, 16 if real else 32, where)
            if self.kind == "high":
                self.data = self.data[:4096]
            self.options += ["--flat-real"] if real else []
        self.address = where

    def run(self, novt, timeout, directory):
        path = os.path.join(directory, f"hostile-{self.number}.bin")
        with open(path, "wb") as f:
            f.write(self.data)
        argv = [novt, "run", "--memory", "16M", "--flat-image", path, "--flat-address", hex(self.address), "--display", "none", "--serial", "none",
                "--debugcon", "none", "--timeout", str(timeout), *self.options, *(["--bt", self.bt] if self.bt else [])]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout + GRACE, check=False)
            code, text = done.returncode, done.stderr
        except subprocess.TimeoutExpired as late:
            code, text = "does not end", late.stderr or b""
        bad = code == "does not end" or code < 0 or code == BUG or REPORT.search(text)
        return (code, text.decode(errors="replace"), " ".join(argv)) if bad else (code, None, None)


def one(number, args, core, end):
    if time.monotonic() > end:
        return None
    case = Case(number, args, core)
    if args.keep:
        return case.number, case.kind, case.run(args.novt, args.timeout, args.keep)
    with tempfile.TemporaryDirectory() as own:  # nobody else's clean-up can name it
        return case.number, case.kind, case.run(args.novt, args.timeout, own)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("novt")
    parser.add_argument("--seed", type=int, default=1, help="of the whole run")
    parser.add_argument("--first", type=int, help="number of the first image")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=60, help="stop starting guests after this time")
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=sorted(set(KINDS)))
    parser.add_argument("--bt", help="the translator options of every run")
    parser.add_argument("--keep", help="directory: leave the images there")
    args = parser.parse_args()
    first = args.first if args.first is not None else args.seed * 1000000
    end = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory() as scratch:
        core_path = os.path.join(scratch, "monkey")
        subprocess.run(["nasm", "-f", "bin", "-o", core_path, os.path.join(HERE, "hostile", "monkey.asm")], check=True)
        with open(core_path, "rb") as f:
            core = f.read()
    failures, codes = 0, {}

    print(f"hostile: seed {args.seed}, images from {first}", flush=True)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for result in pool.map(functools.partial(one, args=args, core=core, end=end), range(first, first + args.count)):
            if result is None:
                continue
            number, kind, (code, text, command) = result
            codes[code] = codes.get(code, 0) + 1
            if text is not None:
                failures += 1
                print(f"FAIL image {number} ({kind}): exit {code}\n  {command}\n{text[:3000]}", flush=True)
    print(f"{sum(codes.values())} guests, {failures} failed; exit codes: "
          + ", ".join(f"{k}: {n}" for k, n in sorted(codes.items(), key=lambda kv: str(kv[0]))))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
