#!/usr/bin/env python3
"""publish.py FOLDER: puts the results of a run (results.json, soak.json, plots) into docs/BENCHMARKS.md and docs/plots/.

The page's words are written by hand; between its lines "<!-- run -->" and "<!-- /run -->", and "<!-- soak -->" and
"<!-- /soak -->", stands what the run printed.
"""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
import guests  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import soak  # noqa: E402

DOCS = os.path.join(guests.ROOT, "docs")
CAPTIONS = {"compute": "User programs against native", "kernel": "Work of the guest's kernel against TCG", "nano": "Privileged operations",
            "devices": "Devices against TCG", "growth-code": "More code"}


def between(page, mark, text):
    found = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.S)
    if not found.search(page):
        sys.exit(f"publish: the page has no <!-- {mark} -->")
    return found.sub(lambda m: m[1] + text + m[2], page)


def main(folder):
    results, soaked = os.path.join(folder, "results.json"), os.path.join(folder, "soak.json")
    data, soak_data = plots.load(results), plots.load(soaked) if os.path.exists(soaked) else None
    drawn = plots.draw_all(data, soak_data, os.path.join(folder, "plots"))
    os.makedirs(os.path.join(DOCS, "plots"), exist_ok=True)
    for name in drawn:
        shutil.copy(os.path.join(folder, "plots", name + ".svg"), os.path.join(DOCS, "plots"))
    path = os.path.join(DOCS, "BENCHMARKS.md")
    with open(path) as file:
        page = file.read()
    pictures = "".join(f"![{CAPTIONS[name]}](plots/{name}.svg)\n\n" for name in drawn if name in CAPTIONS)
    page = between(page, "run", pictures + report.text(data))
    if soak_data:
        page = between(page, "soak", "![Soak](plots/soak.svg)\n\n" + soak.text(soak_data["soak"]))
    with open(path, "w") as file:
        file.write(page)


if __name__ == "__main__":
    main(sys.argv[1])
