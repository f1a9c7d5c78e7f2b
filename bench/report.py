"""report.py: results as ratios, tables."""
import math
import statistics

MIB = 1 << 20
WITH_CPU = ("compute", "programs")  # groups whose CPU time means something


def geomean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values)) if values else float("nan")


def spread(values):
    """Median and range."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def ratios(rounds, above, below, field="best"):
    """Per round, because what disturbs one side of a round often disturbs the other; and of the best of all rounds."""
    pairs = [(r[above][field], r[below][field]) for r in rounds if above in r and below in r]
    if not pairs:
        return None
    return {**spread([a / b for a, b in pairs]), "of_bests": min(a for a, _ in pairs) / min(b for _, b in pairs)}


def summarize(name, group, rounds):
    sums = {r[s]["checksum"] for r in rounds for s in r}
    systems = {s for r in rounds for s in r}
    return {"name": name, "group": group, "rounds": rounds, "checksums_equal": len(sums) == 1,
            "seconds": {s: statistics.median(r[s]["best"] for r in rounds if s in r) for s in systems},
            "novt_native": ratios(rounds, "novt", "native"), "tcg_novt": ratios(rounds, "tcg", "novt"),
            "novt_native_mean": ratios(rounds, "novt", "native", "mean"),
            # Only where a repetition is one operation: the native time is per operation.
            "novt_native_cpu": ratios(rounds, "novt", "native", "host_cpu") if group in WITH_CPU else None,
            "first_native": rounds[0]["novt"]["first"] / rounds[0]["native"]["best"]}


def one_line(result):
    tcg = f", TCG / novt {result['tcg_novt']['median']:.2f}" if result["tcg_novt"] else ""
    return f"{result['name']}: novt / native {result['novt_native']['median']:.2f}{tcg}"


def group_geomean(results, group, field, which="median"):
    return geomean([r[field][which] for r in results if r["group"] == group and r[field]])


# ---- Text ----

def table(head, rows):
    """A Markdown table whose source lines up."""
    width = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, width))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(width)) + "|"
    return "\n".join([line(head), rule, *(line(r) for r in rows)])


def duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


RATIOS = ("novt_native", "tcg_novt")


def ratio_cells(r):
    return [f"{r['median']:.2f}", f"{r['low']:.2f}-{r['high']:.2f}", f"{r['of_bests']:.2f}"] if r else [""] * 3


def geomean_cells(results, group, field):
    if not any(r[field] for r in results):
        return [""] * 3
    return [f"{group_geomean(results, group, field):.2f}", "", f"{group_geomean(results, group, field, 'of_bests'):.2f}"]


def cpu_cells(result, group):
    """The CPU ratio, in the tables that have it."""
    return [f"{result:.2f}"] if group in WITH_CPU else []


def row(r):
    times = [duration(r["seconds"][s]) if s in r["seconds"] else "" for s in ("native", "novt", "tcg")]
    cpu = cpu_cells(r["novt_native_cpu"]["median"] if r["novt_native_cpu"] else 0, r["group"])
    ratio = [cell for field in RATIOS for cell in ratio_cells(r[field])]
    return [r["name"], *times, *cpu, *ratio, "same" if r["checksums_equal"] else "DIFFERS"]


def group_table(results, group):
    chosen = [r for r in results if r["group"] == group]
    head = [group, "native", "novt", "TCG", *(["CPU ratio"] if group in WITH_CPU else []),
            "novt/native", "range", "of bests", "TCG/novt", "range", "of bests", "result"]
    cpu = cpu_cells(group_geomean(results, group, "novt_native_cpu"), group)
    means = [cell for field in RATIOS for cell in geomean_cells(chosen, group, field)]
    return table(head, [row(r) for r in chosen] + [["geometric mean", "", "", "", *cpu, *means, ""]])


def machine_table(data):
    rows = []
    def add(what, show, values):
        rows.append([what, show(values["novt"]), show(values["tcg"]) if "tcg" in values else ""])
    if "startup" in data:
        add("start to the first instruction of a kernel, and end", lambda v: f"{v['median'] * 1e3:.0f} ms ({v['low'] * 1e3:.0f}-"
            f"{v['high'] * 1e3:.0f})", data["startup"])
    if "boot" in data:
        add("boot to the prompt", lambda v: f"{v['median']:.2f} s ({v['low']:.2f}-{v['high']:.2f})", data["boot"])
    if "memory" in data:
        add("memory beyond guest RAM after boot", lambda v: f"{v['total'] / MIB:.1f} MiB", data["memory"])
        add("of that, host page tables", lambda v: f"{v['page_tables'] / MIB:.1f} MiB", data["memory"])
    if "idle" in data:
        add("CPU of an idle guest", lambda v: f"{v:.1%}", data["idle"])
    return table(["machine", "novt", "TCG"], rows)


def stats_table(stats, title="counters of the boot that the memory row describes, by `--stats`"):
    names = ("blocks", "guest instructions", "host bytes / instruction", "translation cycles / instruction", "blocks copied",
             "address spaces grown up", "demotions",
             "flushes", "callouts", "slow accesses", "tlb misses", "direct faults", "hidden faults", "view maps", "vmas")
    return table([title, "count"], [[n, str(stats[n])] for n in names if n in stats])


def text(data):
    import console_cost  # these use the tables of this file
    import devices
    import growth
    import nano
    import sampling
    import targets
    host = data["host"]
    parts = [f"{host['cpu']}, {host['cores']} cores, Linux {host['kernel']}, load {host['load']:.1f} at the start; "
             f"commit {host['revision']}; {data['rounds']} rounds, {data['memory_mib']} MiB of guest memory."]
    parts += [group_table(data["results"], g) for g in ("compute", "programs", "kernel") if any(r["group"] == g for r in data["results"])]
    if data.get("nano"):
        parts.append(nano.table(data["nano"]))
    if data.get("console"):
        parts.append(console_cost.table(data["console"]))
    if data.get("devices"):
        parts.append(devices.table(data["devices"]))
    if "boot" in data:
        parts.append(machine_table(data))
    if data.get("stats"):
        parts.append(stats_table(data["stats"]))
    if data.get("profile"):
        parts.append(sampling.table(data["profile"]))
    if data.get("growth"):
        parts += growth.tables(data["growth"])
    if data["targets"]:
        parts.append(targets.table(data["targets"]))
    return "\n\n".join(parts) + "\n"
