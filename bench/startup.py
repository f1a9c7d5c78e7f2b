"""startup.py: how long a machine takes to get to a kernel that does nothing but end it: the process, the firmware, the loader."""
import subprocess
import time

import nano
import report
from expect import Failure

LAUNCHES = 5


def launch(argv):
    start = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=nano.LIMIT)
    if done.returncode != nano.DONE:
        raise Failure(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr}")
    return time.monotonic() - start


def measure(novt, out, with_tcg, say):
    image = nano.build(out, "exit")
    argvs = {"novt": nano.novt_argv(novt, image, "/dev/null")} | ({"tcg": nano.tcg_argv(image, "/dev/null")} if with_tcg else {})
    times = {system: [] for system in argvs}
    for _ in range(LAUNCHES):
        for system, argv in argvs.items():
            times[system].append(launch(argv))
    say("start-up: " + ", ".join(f"{system} {min(t) * 1e3:.0f} ms" for system, t in times.items()))
    return {system: report.spread(t) for system, t in times.items()}
