"""plots.py: draws the figures of a run with gnuplot, each as SVG and as PNG."""
import json
import os
import subprocess

WIDTH, HEIGHT = 1000, 460
NOVT, TCG, OTHER = "#1f6fb4", "#c8783c", "#5a5a5a"
MIB = 1 << 20
COMMON = """set style fill solid 0.9 noborder
set grid ytics lc rgb '#dddddd'
set border 3
set rmargin 9
set tics nomirror
set key outside top center horizontal
set xtics rotate by -40 left noenhanced
set bmargin 7
"""


def data_block(rows):
    return "$data << END\n" + "\n".join(" ".join(str(cell) for cell in row) for row in rows) + "\nEND\n"


def draw(folder, name, script):
    for terminal, ext in (("svg", "svg"), ("pngcairo", "png")):
        path = os.path.join(folder, f"{name}.{ext}")
        head = f"set terminal {terminal} size {WIDTH},{HEIGHT} font 'DejaVu Sans,11' background rgb 'white'\nset output '{path}'\n"
        subprocess.run(["gnuplot"], input=head + script, text=True, check=True)


def bars(title, ylabel, rows, series, lines=(), log=True):
    """rows: name and a value for each of the series (text, colour, line width ignored); "-" where there is none."""
    script = COMMON + data_block(rows) + f"set title \"{title}\"\nset ylabel \"{ylabel}\"\nset style data histograms\n"
    script += "set style histogram clustered gap 1\nset boxwidth 0.9\n" + ("set logscale y\n" if log else "set yrange [0:*]\n")
    for value, text in lines:
        script += f"set arrow from graph 0, first {value} to graph 1, first {value} nohead lc rgb '#b02020' dt 2\n"
        script += f"set label \"{text}\" at graph 1.005, first {value} left tc rgb '#b02020'\n"
    # The value of a bar is measured from 1 on a logarithmic scale: below it the bar hangs.
    plots = [f"$data using {i + 2}:xtic(1) lc rgb '{colour}' title '{text}'" for i, (text, colour) in enumerate(series)]
    return script + "plot " + ", ".join(plots) + "\n"


def slowdown(data):
    chosen = [r for r in data["results"] if r["group"] in ("compute", "programs") and r["novt_native"] and r["tcg_novt"]]
    rows = [[r["name"], f"{r['novt_native']['median']:.3f}", f"{r['novt_native']['median'] * r['tcg_novt']['median']:.3f}"] for r in chosen]
    if rows:
        yield "compute", bars("Time of user programs, native = 1", "times native", rows, [("novt", NOVT), ("TCG", TCG)], [(1.1, "1.10")])


def kernel(data):
    rows = [[r["name"], f"{r['tcg_novt']['median']:.3f}"] for r in data["results"] if r["group"] == "kernel" and r["tcg_novt"]]
    if rows:
        yield "kernel", bars("Work of the guest's kernel: how much faster novt is than TCG", "TCG / novt", rows, [("TCG / novt", NOVT)],
                             [(4, "4")])


def nanos(data):
    rows = [[r["name"], *(f"{max(r['cycles'][s]['median'], 1):.1f}" if s in r["cycles"] else "-" for s in ("novt", "tcg")),
             r["vmware"] or "-"] for r in data.get("nano", [])]
    if rows:
        yield "nano", "set datafile missing '-'\n" + bars("Privileged operations", "cycles (at least 1)", rows,
                                                          [("novt", NOVT), ("TCG", TCG), ("VMware, 2006", OTHER)])


def devices(data):
    rows = [[r["name"], f"{r['gain']['median']:.3f}"] for r in data.get("devices", []) if r["gain"]]
    if rows:
        yield "devices", bars("Devices: how much better novt is than TCG with the same device", "novt better by", rows,
                              [("novt better by", NOVT)], [(1.5, "1.5")], log=False)


def lines(title, xlabel, ylabel, rows, series, log):
    script = COMMON.replace("rotate by -40 left ", "").replace("set bmargin 7\n", "") + data_block(rows)
    script += f"set title \"{title}\"\nset xlabel \"{xlabel}\"\nset ylabel \"{ylabel}\"\n{log}\n"
    plots = [f"$data using 1:{i + 2} with linespoints pt 7 lw 2 lc rgb '{colour}' dt {dash} title '{text}'"
             for i, (text, colour, dash) in enumerate(series)]
    return script + "plot " + ", ".join(plots) + "\n"


def growth(data):
    rows = data.get("growth", {}).get("code", [])
    if not rows:
        return
    have_tcg = all("tcg" in r for r in rows)
    systems = ("novt", "tcg") if have_tcg else ("novt",)
    table = [[r["MiB"], *(r[s][p] for s in systems for p in ("pass1", "pass4"))] for r in rows]
    series = [("novt, first pass", NOVT, 1), ("novt, fourth pass", NOVT, 3), ("TCG, first pass", TCG, 1), ("TCG, fourth pass", TCG, 3)]
    yield "growth-code", lines("More code: cycles per guest instruction", "MiB of guest code, each function called once a pass", "cycles", table,
                               series[:2 * len(systems)], "set logscale xy 2\nset logscale y 10\nset key bottom right vertical")


def soak(data):
    samples = data["soak"]["samples"]
    table = [[f"{s['at'] / 60:.3f}", f"{s['memory'] / MIB:.2f}", s["vmas"] / 10, f"{s['build'] * 100:.2f}"] for s in samples]
    yield "soak", lines("Soak: fork, exec and compile in one guest", "minutes", "", table,
                        [("memory beyond RAM, MiB", NOVT, 1), ("host mappings / 10", OTHER, 1), ("untar + compile, 10 ms", TCG, 1)],
                        "set yrange [0:*]")


def draw_all(data, soaked, folder):
    """Draws what there is; data and soaked may be None. Returns the names."""
    os.makedirs(folder, exist_ok=True)
    scripts = [pair for figure in (slowdown, kernel, nanos, devices, growth) if data for pair in figure(data)]
    scripts += list(soak(soaked)) if soaked else []
    for name, script in scripts:
        draw(folder, name, script)
    return [name for name, _ in scripts]


def load(path):
    with open(path) as file:
        return json.load(file)
