"""linux_session.py: an unattended session at the Linux guest's serial console, shared by scripts/demo and the tests."""
import os
import re
import sys

from expect import check

PROMPT = r"^/ # (?:\x1b\[6n)?"
BOOT_TIMEOUT = 300


def need_modules(guests):
    """Ends the test with exit code 77, which skips it, if the guest with modules has not been fetched."""
    if not os.path.exists(os.path.join(guests, "initramfs-modules.gz")):
        print("skipped: no guest")
        sys.exit(77)


def boot(child):
    child.expect(r"Linux version", BOOT_TIMEOUT)
    child.expect(r"novt-init: ready", BOOT_TIMEOUT)
    child.expect(PROMPT, BOOT_TIMEOUT)
    check(True, "Linux boots to its shell", child)


def commands(child, release=""):
    out = child.command("uname -a", PROMPT)
    check(re.search(r"Linux novt \S*%s\S* .*i686" % release, out), "uname names the guest", child)
    out = child.command("cat /proc/cpuinfo", PROMPT)
    check(re.search(r"^processor\s*: 0", out, re.M) and "flags" in out, "/proc/cpuinfo lists a CPU", child)
    out = child.command("dmesg | head -200", PROMPT)
    check("Linux version" in out and "Memory:" in child.command("dmesg | grep Memory:", PROMPT), "dmesg holds the boot log",
          child)
    check(not re.search(r"Oops|BUG:|Call Trace", child.command("dmesg | grep -E 'Oops|BUG:|Call Trace' | cat", PROMPT)
                        .split("\n", 1)[1]), "the kernel log holds no oops", child)
    check("Mem:" in child.command("top -b -n 1", PROMPT), "top prints in batch mode", child)
    out = child.command("echo $((6 * 7)) > /tmp/a; cat /tmp/a /tmp/a | sort | uniq -c", PROMPT)
    check(re.search(r"2 42", out), "pipes and files work", child)


def interactive(child):
    child.send("top\n")
    child.expect(r"Mem:")
    child.expect(r"PID")
    child.send("q")
    child.expect(PROMPT)
    check(True, "top runs on the terminal and ends at q", child)
    child.send("sh -c 'echo in-front; exec sleep 100000'\n")
    child.expect(r"^in-front")
    child.send("\x03")
    child.expect(PROMPT)
    check("status=130" in child.command("echo status=$?", PROMPT), "Ctrl-C ends a command and leaves the shell", child)


def poweroff(child):
    child.send("poweroff -f\n")
    code = child.wait(120)
    check(code == 0, "poweroff -f ends the program with exit code 0", child)
