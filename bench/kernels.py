"""kernels.py: the program of kernels/ in all places: building it, its RAM disk, its tables of compute and kernel work."""
import os
import shutil
import subprocess

import guests
import machine
import report
from expect import Failure

KERNELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels")
CFLAGS = ["-m32", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-fno-pie"]
FILE_FLAGS = {"matrix_x87.c": ["-mfpmath=387"], "matrix_sse2.c": ["-msse2", "-mfpmath=sse"]}
RUN_LIMIT = 240


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
    """base with the program behind it: the kernel unpacks archives that follow each other into one tree."""
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], input=b"bin/bench\n", stdout=subprocess.PIPE,
                             cwd=os.path.join(out, "tree"), check=True).stdout
    path = os.path.join(out, os.path.basename(base) + ".bench")
    with open(path, "wb") as initrd, open(base, "rb") as first:
        shutil.copyfileobj(first, initrd)
        initrd.write(b"\0" * (-initrd.tell() % 4))
        initrd.write(archive)
    return path


def known(program):
    """(name, group) of every benchmark."""
    lines = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [tuple(line.split()) for line in lines]


def measure_one(places, name, group, rounds, ms, say):
    taken = []
    for _ in range(rounds):
        taken.append({system: place.run(name, ms, RUN_LIMIT) for system, place in places.items()})
    result = report.summarize(name, group, taken)
    say(report.one_line(result))
    return result


def measure(program, starts, benches, rounds, ms, say):
    """The benchmarks one after the other, each in all places in turns; and the translator's counters of all that."""
    machines = machine.boot_all(starts, say)
    try:
        places = {"native": guests.Native(program), **machines}
        results = [measure_one(places, name, group, rounds, ms, say) for name, group in benches]
        return results, machine.translator_figures(machines["novt"].poweroff())
    finally:
        machine.close_all(machines)


def choose(program, words, others):
    """Those that the words name, by name or group; all without words. A word may also be one of the others."""
    benches = known(program)
    unknown = set(words) - {w for pair in benches for w in pair} - set(others)
    if unknown:
        raise Failure(f"unknown benchmark: {' '.join(sorted(unknown))}")
    return [pair for pair in benches if not words or set(pair) & set(words)]
