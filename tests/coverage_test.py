#!/usr/bin/env python3
"""coverage_test.py SENSITIVE.DEF ASM-FOLDER: fails when a sensitive instruction has no test.

A test names the rows it exercises in its header: `; covers: CLI STI`. Names that are no row fail too.
"""
import os
import re
import sys


def main():
    table, folder = sys.argv[1:]
    rows = re.findall(r"^\s*SENSITIVE\((\w+),", open(table).read(), re.M)
    covered = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".asm"):
            for line in re.findall(r"^; covers: (.*)$", open(os.path.join(folder, name)).read(), re.M):
                for row in line.split():
                    covered.setdefault(row, []).append(name)
    missing = [row for row in rows if row not in covered]
    unknown = [f"{row} ({', '.join(files)})" for row, files in covered.items() if row not in rows]
    print(f"{len(rows)} sensitive instructions, {len(rows) - len(missing)} with a test")
    if missing:
        print("without a test: " + " ".join(missing))
    if unknown:
        print("covered, but no row of the table: " + " ".join(unknown))
    if not rows:
        print("the table has no row")
    sys.exit(bool(missing or unknown or not rows))


if __name__ == "__main__":
    main()
