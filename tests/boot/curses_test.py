#!/usr/bin/env python3
"""curses_test.py NOVT GUESTS: --display curses on terminals of several sizes.

GRUB's menu is drawn as far as the terminal is large, keys reach the guest, and every way out leaves the terminal as it
was found.
"""
import os
import signal
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import Child, Failure, check  # noqa: E402
from vt100 import Screen  # noqa: E402

LIMIT = 60
DOWN = "\x1bOB"


def expected_menu(novt, floppy):
    """The lines of the menu, but for the countdown below."""
    with tempfile.TemporaryDirectory() as tmp:
        script, text = os.path.join(tmp, "script"), os.path.join(tmp, "menu.txt")
        with open(script, "w") as f:
            f.write(f'wait screen "executed automatically" {LIMIT}\ndump {text}\nexit 7\n')
        argv = [novt, "run", "--floppy", floppy, "--serial", "none", "--script", script, "--timeout", str(LIMIT)]
        check(subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode == 7, "GRUB shows its menu")
        with open(text, encoding="utf-8") as f:
            lines = f.read().split("\n")
    return lines[:next(i for i, line in enumerate(lines) if "executed automatically" in line)]


class Terminal(Child):
    def __init__(self, novt, floppy, rows, cols):
        self.screen, self.fed = Screen(rows, cols), 0
        super().__init__([novt, "run", "--floppy", floppy, "--serial", "none", "--display", "curses", "--timeout", str(LIMIT)],
                         env={"LC_ALL": "C.UTF-8"}, size=(rows, cols))

    def until(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition(self.screen.lines()):
            if time.monotonic() > end or not self.read(0.2):
                raise Failure(f"not so: {what}; the terminal shows:\n" + "\n".join(self.screen.lines()))
            self.screen.feed(self.text[self.fed:])
            self.fed = len(self.text)
        print(f"ok: {what}", flush=True)

    def settings(self):
        """What counts: line editing, echo, signals, translation of CR."""
        t = termios.tcgetattr(self.fd)
        return (bool(t[3] & termios.ICANON), bool(t[3] & termios.ECHO), bool(t[3] & termios.ISIG), bool(t[0] & termios.ICRNL))


def session(novt, floppy, menu, rows, cols, end):
    crop = [line[:cols].rstrip() for line in menu[:rows]]
    with Terminal(novt, floppy, rows, cols) as t:
        t.until(lambda shown: shown[:len(crop)] == crop, f"{cols}x{rows}: the menu, as far as it fits")
        check(not any(t.settings()), f"{cols}x{rows}: the terminal is raw")
        t.send(DOWN)
        t.until(lambda shown: "*GNU (aka" in shown[5] and "*" not in shown[4], f"{cols}x{rows}: an arrow key moves the mark")
        t.send("c")
        t.until(lambda shown: any(line.startswith("grub>") for line in shown), f"{cols}x{rows}: a letter opens the command line")
        t.send("echo Ab_1\x7f2\r")
        t.until(lambda shown: any(line == "Ab_2" for line in shown), f"{cols}x{rows}: a line is typed, corrected and entered")
        end(t)
        code = t.wait()
        check(code == 0, f"{cols}x{rows}: it ends with code 0", t if code else None)
        check(all(t.settings()), f"{cols}x{rows}: the terminal is as it was")


def main():
    novt, floppy = os.path.abspath(sys.argv[1]), os.path.join(sys.argv[2], "grub-floppy.img")
    if not os.path.exists(floppy):
        print(f"SKIP: no {floppy}; scripts/guests grub")
        return 77
    floppy += ",snapshot=on"
    menu = expected_menu(novt, floppy)
    quits = {"Ctrl-A x": lambda t: t.send("\x01x"), "SIGTERM": lambda t: os.kill(t.pid, signal.SIGTERM)}
    for (rows, cols), way in (((25, 80), "Ctrl-A x"), ((24, 80), "SIGTERM"), ((12, 40), "SIGTERM"), ((50, 132), "Ctrl-A x")):
        print(f"-- {cols}x{rows}, {way}")
        session(novt, floppy, menu, rows, cols, quits[way])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
