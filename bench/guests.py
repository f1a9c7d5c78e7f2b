"""guests.py: the three places a benchmark runs in: a native process, a guest of novt, a guest of QEMU's TCG."""
import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"), os.path.join(ROOT, "tests", "boot")]
import boot_test  # noqa: E402
import host  # noqa: E402
import linux_session  # noqa: E402
from expect import Child, Failure  # noqa: E402

RESULT = r"^%s (\S+) (\S+) (\S+) (\S+) (\d+) (\w+)\r*$"
FIELDS = ("best", "first", "mean", "cpu")


def parse(name, text):
    """The line of one benchmark, see kernels/main.c."""
    match = re.search(RESULT % re.escape(name), text, re.M)
    if not match:
        raise Failure(f"no result of {name} in:\n{text}")
    numbers = {field: float(match[i + 1]) for i, field in enumerate(FIELDS)}
    return {**numbers, "reps": int(match[5]), "checksum": match[6]}


class Native:
    def __init__(self, program):
        self.program = program

    def run(self, name, ms, limit):
        out = subprocess.run([self.program, "-t", str(ms), name], capture_output=True, text=True, timeout=limit, check=True)
        result = parse(name, out.stdout)
        return {**result, "host_cpu": result["cpu"]}


class Guest:
    """A machine at its shell prompt; `boot` is the seconds that took."""

    def __init__(self, argv):
        self.child = Child(argv)
        try:
            linux_session.boot(self.child)
        except Failure:
            self.child.close()
            raise
        self.boot = self.child.seconds()
        self.pid = self.child.pid

    def run(self, name, ms, limit):
        """Adds the CPU time that the whole machine took for a repetition, start of the program included."""
        before = host.cpu_seconds(self.pid)
        result = parse(name, self.child.command(f"bench -t {ms} {name}", linux_session.PROMPT, limit))
        return {**result, "host_cpu": (host.cpu_seconds(self.pid) - before) / result["reps"]}

    def poweroff(self):
        """Ends the machine; returns what it printed on the way out."""
        start = len(self.child.text)
        linux_session.poweroff(self.child)
        return self.child.text[start:]

    def close(self):
        self.child.close()


class Starter:
    """Knows the command line of a machine: same kernel, initial RAM disk and memory in both."""

    def __init__(self, novt, guests, with_tcg):
        self.novt, self.guests, self.with_tcg = novt, guests, with_tcg

    def argv(self, initrd, memory, oracle=None):
        machine = boot_test.Machine(argparse.Namespace(novt=[self.novt], guests=self.guests, tools=None, oracle=oracle, show=False))
        return machine.serial(os.path.join(self.guests, "vmlinuz-686"), "console=ttyS0", initrd, str(memory))

    def with_initrd(self, initrd, memory):
        """{system: a function that boots it}."""
        starts = {"novt": lambda: Guest(self.argv(initrd, memory) + ["--stats"])}
        if self.with_tcg:
            starts["tcg"] = lambda: Guest(self.argv(initrd, memory, "qemu"))
        return starts
