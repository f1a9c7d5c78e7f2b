#!/usr/bin/env python3
"""board_test.py NOVT GUESTS: Linux and the small things of the board: its UUID, the printer, the power button, RTC alarms.

Skips (77) without the guest.
"""
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

PROMPT = linux_session.PROMPT
UUID = "00112233-4455-6677-8899-aabbccddeeff"


def name_plates(child):
    out = child.command("cat /sys/class/dmi/id/product_uuid /sys/class/dmi/id/product_serial", PROMPT)
    check(UUID in out and "S-17" in out, "the guest reads its UUID and serial number", child)


def printer(child, path):
    child.command("cat /proc/cpuinfo > /dev/lp0 && printf 'printed here\\n' > /dev/lp0", PROMPT)
    with open(path, "rb") as f:
        printed = f.read()
    check(b"GenuineIntel" in printed and printed.endswith(b"printed here\n"), "what Linux prints arrives whole", child)


def alarm(child):
    out = child.command("cat /sys/class/rtc/rtc0/name; cat /proc/driver/rtc | grep -i batt", PROMPT)
    check("rtc_cmos" in out, "the clock is there", child)
    # The kernel sets an alarm three seconds ahead; IRQ 8 tells.
    out = child.command("echo 0 > /sys/class/rtc/rtc0/wakealarm; echo +3 > /sys/class/rtc/rtc0/wakealarm; "
                        "for i in 1 2 3 4 5 6 7 8 9 10; do grep -q 1 /sys/class/rtc/rtc0/wakealarm || break; sleep 1; done; "
                        "grep -i rtc /proc/interrupts", PROMPT, 90)
    check(re.search(r"^\s*8:\s+[1-9]", out, re.M), "an alarm comes as IRQ 8", child)


def run(novt, guests, tmp):
    paper = os.path.join(tmp, "paper")
    args = [novt, "run", "--memory", "128M", "--net", "none", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append", "console=ttyS0 novt.modules=parport_pc,lp,button",
            "--uuid", UUID, "--smbios", "type=1,serial=S-17", "--parallel", "file:" + paper]
    with Child(args) as child:
        linux_session.boot(child)
        name_plates(child)
        printer(child, paper)
        alarm(child)
        linux_session.poweroff(child)


def high_precision(novt, guests):
    """Linux lives on the HPET alone: its counter is the time, its first comparator, in the PIT's place, the tick."""
    args = [novt, "run", "--memory", "128M", "--net", "none", "--hpet", "on", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append", "console=ttyS0 nolapic clocksource=hpet"]
    with Child(args) as child:
        linux_session.boot(child)
        out = child.command("sleep 2; cat /sys/devices/system/clocksource/clocksource0/current_clocksource "
                            "/sys/devices/system/clockevents/clockevent0/current_device", PROMPT)
        check(len(re.findall(r"^hpet", out, re.M)) == 2, "the HPET is clock and tick", child)
        linux_session.poweroff(child)


def button(novt, guests, tmp):
    """The power button is an interrupt of ACPI's, which counts it."""
    script = os.path.join(tmp, "script")
    count = "cat /sys/firmware/acpi/interrupts/ff_pwr_btn"
    with open(script, "w") as f:
        f.write(f'timeout 120\nwait serial "# "\nserial "{count}\\n"\nwait serial " 0  EN"\npower\nsleep 1\nserial "{count}\\n"\n'
                'wait serial " 1  EN"\nserial "poweroff -f\\n"\nwait end\n')
    args = [novt, "run", "--memory", "128M", "--net", "none", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append", "console=ttyS0 novt.modules=button", "--script", script]
    with Child(args) as child:
        check(child.wait(300) == 0, "the power button reaches ACPI, and S5 ends the run", child)


def main():
    novt, guests = sys.argv[1:]
    linux_session.need_modules(guests)
    with tempfile.TemporaryDirectory() as tmp:
        run(novt, guests, tmp)
        button(novt, guests, tmp)
        high_precision(novt, guests)


main()
