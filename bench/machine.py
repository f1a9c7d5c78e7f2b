"""machine.py: the machine as a whole: boots, memory, an idle guest, the counters of --stats."""
import re

import host
import report
from expect import Failure

IDLE_SECONDS = 20


def translator_figures(text):
    """The --stats report: lines of a name and a number."""
    return {m[1]: float(m[2]) if "." in m[2] else int(m[2]) for m in re.finditer(r"^  (\S.*?) {2,}(\d[\d.]*)\r*$", text, re.M)}


def boot_all(starts, say):
    """Boots each machine, one after the other; returns them at their prompts."""
    machines = {}
    try:
        for system, start in starts.items():
            machines[system] = start()
            say(f"boot: {system} {machines[system].boot:.2f} s")
    except Failure:
        close_all(machines)
        raise
    return machines


def close_all(machines):
    for machine in machines.values():
        machine.close()


def measure_boots(starts, rounds, say):
    """Seconds to the prompt of so many boots of each machine."""
    times = {system: [] for system in starts}
    for _ in range(rounds):
        for system, start in starts.items():
            machines = boot_all({system: start}, say)
            try:
                times[system].append(machines[system].boot)
                machines[system].poweroff()
            finally:
                close_all(machines)
    return times


def measure_at_rest(starts, ram, say):
    """Boot times, memory right after boot, CPU use while idle at the prompt, and the translator's counters of just that."""
    machines = boot_all(starts, say)
    try:
        memory = {"novt": host.novt_memory(machines["novt"].pid)}
        if "tcg" in machines:
            memory["tcg"] = host.tcg_memory(machines["tcg"].pid, ram)
        idle = host.cpu_shares({system: m.pid for system, m in machines.items()}, IDLE_SECONDS)
        stats = translator_figures(machines["novt"].poweroff())
        return {system: m.boot for system, m in machines.items()}, {"memory": memory, "idle": idle, "stats": stats}
    finally:
        close_all(machines)


def measure(starts, rounds, ram, say):
    times = measure_boots(starts, rounds - 1, say)
    last, data = measure_at_rest(starts, ram, say)
    return {"boot": {system: report.spread(t + [last[system]]) for system, t in times.items()}, **data}
