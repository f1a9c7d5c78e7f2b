"""targets.py: the figures that novt is to reach, and whether a run reached them."""
import console_cost
import nano
import report

MIB = 1 << 20
AT_MOST, AT_LEAST = "<=", ">="
times, percent = "{:.2f} x".format, "{:.1%}".format
# Rows of the kernel table whose ratio to TCG has a floor of its own.
KERNEL_FLOOR = 4
KERNEL_ROWS = ("fork_wait", "fork_exec_wait", "fault_anon", "fault_file", "mmap_touch_munmap", "pipe_ping_pong", "getpid_int80",
               "getpid_sysenter", "read_file")


def verdict(what, value, sense, limit, show):
    ok = value <= limit if sense == AT_MOST else value >= limit
    return {"what": what, "value": value, "sense": sense, "limit": limit, "pass": ok, "shown": show(value),
            "limit_shown": f"{sense} {show(limit)}"}


def of_compute(results):
    chosen = [r for r in results if r["group"] in ("compute", "programs") and r["novt_native"]]
    if not chosen:
        return
    native = report.geomean([r["novt_native"]["median"] for r in chosen])
    yield verdict("compute, novt / native, geometric mean", native, AT_MOST, 1.10, times)
    worst = max(chosen, key=lambda r: r["novt_native"]["median"])
    yield verdict(f"compute, novt / native, worst ({worst['name']})", worst["novt_native"]["median"], AT_MOST, 1.35, times)
    tcg = [r["tcg_novt"]["median"] for r in chosen if r["tcg_novt"]]
    if tcg:
        yield verdict("compute, TCG / novt, geometric mean", report.geomean(tcg), AT_LEAST, 10, times)


def of_kernel(results):
    for r in results:
        if r["tcg_novt"] and (r["name"] in KERNEL_ROWS or r["name"].startswith("build_")):
            yield verdict(f"{r['name']}, TCG / novt", r["tcg_novt"]["median"], AT_LEAST, KERNEL_FLOOR, times)


def of_nano(rows):
    for r in rows:
        if r["vmware"]:
            yield verdict(f"{r['name']}, cycles, below VMware's", r["cycles"]["novt"]["median"], AT_MOST, r["vmware"], "{:,.0f}".format)
    worst = nano.worst_ratio(rows)
    if worst:  # RDTSC is the host's own instruction on both sides and nothing besides: equal up to noise
        yield verdict(f"nanobenchmarks, TCG / novt, worst ({worst[1]})", worst[0], AT_LEAST, 1, times)
        slower = sum(1 for r in rows if r["tcg_novt"]["median"] < 1)
        yield verdict(f"nanobenchmarks slower than TCG, of {len(rows)}", slower, AT_MOST, 0, "{:d}".format)


def of_translator(stats):
    if "translation cycles / instruction" in stats:
        yield verdict("translation, cycles per guest instruction", stats["translation cycles / instruction"], AT_MOST, 1000,
                      "{:,.0f}".format)


def of_devices(rows):
    for r in rows:
        if r["target"] and r["gain"]:
            yield verdict(f"{r['name']}, novt / TCG", r["gain"]["median"], AT_LEAST, 1.5, times)


def of_machine(data):
    if data.get("boot", {}).get("tcg"):
        ratio = data["boot"]["tcg"]["median"] / data["boot"]["novt"]["median"]
        yield verdict("boot to the prompt, TCG / novt", ratio, AT_LEAST, 4, times)
    if "idle" in data:
        yield verdict("CPU of an idle guest, share of a core", data["idle"]["novt"], AT_MOST, 0.01, percent)
    if "memory" in data:
        yield verdict("memory beyond guest RAM after boot", data["memory"]["novt"]["total"], AT_MOST, 48 * MIB,
                      lambda v: f"{v / MIB:.1f} MiB")


def of_console(result):
    if result:
        idle, allowed = result["ratios"][console_cost.IDLE]["median"], console_cost.limit(result)
        yield verdict(f"cost of the console when nobody looks (1 %, noise {2 * result['noise']:.1%})", idle - 1, AT_MOST, allowed - 1, percent)


def judge(data):
    """Each figure that the data can answer, with its verdict."""
    return [*of_compute(data.get("results", [])), *of_machine(data), *of_kernel(data.get("results", [])), *of_nano(data.get("nano", [])),
            *of_translator(data.get("stats", {})), *of_devices(data.get("devices", [])),
            *of_console(data.get("console"))]


def table(verdicts):
    rows = [[v["what"], v["shown"], v["limit_shown"], "pass" if v["pass"] else "SHORT"] for v in verdicts]
    return report.table(["figure to reach", "measured", "limit", "verdict"], rows)
