#!/usr/bin/env python3
"""script_examples_test.py NOVT: the examples and key names of docs/SCRIPTS.md are what novt understands.

All are parsed; those run that need no more than the firmware or a guest that is there (build/guests).
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUESTS = os.path.join(ROOT, "build", "guests")
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from expect import check  # noqa: E402
from picture import read_png  # noqa: E402

PARSED = 3  # exit code of a script that is read to its end and left at once
LIMIT = "90"


def document():
    with open(os.path.join(ROOT, "docs", "SCRIPTS.md"), encoding="utf-8") as f:
        return f.read()


def examples(text):
    """{what it says above it: its lines}"""
    found, title = {}, ""
    for paragraph in re.split(r"\n\n+", text.split("## Examples\n", 1)[1].strip("\n")):
        if paragraph.startswith("    "):
            found[title] = "\n".join(line[4:] for line in paragraph.split("\n")) + "\n"
        else:
            title = " ".join(paragraph.split())
    return found


def key_names(text):
    """Every name in the paragraph of key names; of `f1` to `f12` the ends."""
    paragraph = re.search(r"^Key names: .*?\n\n", text, re.M | re.S).group()
    return [name for name in re.findall(r"`([^`]+)`", paragraph) if "/" not in name]


def run(novt, directory, script, *options):
    path = os.path.join(directory, "script")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    return subprocess.run([novt, "run", "--script", path, "--timeout", LIMIT, *options], cwd=directory, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=int(LIMIT) + 20, check=False)


def parses(novt, directory, title, script):
    result = run(novt, directory, f"exit {PARSED}\n{script}", "--vga", "none", "--serial", "none")
    check(result.returncode == PARSED, f"is understood: {title} {result.stderr}")


def firmware(novt, directory, script):
    result = run(novt, directory, script, "--serial", "none")
    check(result.returncode == 0, f"runs: the firmware starts {result.stderr}")
    with open(os.path.join(directory, "firmware.txt"), encoding="utf-8") as f:
        check("No bootable device" in f.read(), "and leaves its words")


def shell(novt, directory, script):
    result = run(novt, directory, script, "--serial", "none", "--kernel", os.path.join(GUESTS, "vmlinuz-686"), "--initrd",
                 os.path.join(GUESTS, "initramfs.gz"), "--append", "console=tty0")
    check(result.returncode == 0, f"runs: a shell on the screen {result.stderr}")
    check(len(read_png(os.path.join(directory, "shell.png"))[2]) == 720 * 400 * 3, "and leaves its picture")


def menu(novt, directory, script):
    floppy = os.path.join(GUESTS, "grub-floppy.img") + ",snapshot=on"
    # The second entry is a system that is not on the floppy.
    seen = script.replace("key ret\n", 'wait screen "*GNU (aka GNU/Hurd)"\nkey ret\nwait screen "Press any key"\nexit 5\n')
    result = run(novt, directory, seen, "--serial", "none", "--floppy", floppy)
    check(result.returncode == 5, f"runs: a choice in a boot menu {result.stderr}")


RUNS = [("Does the firmware start?", firmware, None), ("A Linux shell on the screen", shell, "initramfs.gz"),
        ("Choosing the second entry", menu, "grub-floppy.img")]


def main():
    novt, text = os.path.abspath(sys.argv[1]), document()
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "disk2.img"), "wb") as f:
            f.truncate(1474560)
        found = examples(text)
        check(len(found) >= 5, f"{len(found)} examples")
        check(run(novt, directory, f"exit {PARSED}\nfly\n").returncode == 1, "a command that is none is found behind the exit")
        for title, script in found.items():
            parses(novt, directory, title, script)
        names = key_names(text)
        check(len(names) > 40 and "alt_r" in names, f"{len(names)} key names")
        parses(novt, directory, "every key name", "".join(f"key {name}\n" for name in names))
        for start, test, guest in RUNS:
            script = next((s for title, s in found.items() if title.startswith(start)), None)
            check(script, f"there is an example: {start}")
            if guest and not os.path.exists(os.path.join(GUESTS, guest)):
                print(f"skip: no {guest}")
                continue
            test(novt, directory, script)


if __name__ == "__main__":
    main()
