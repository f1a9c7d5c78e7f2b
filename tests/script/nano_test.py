#!/usr/bin/env python3
"""nano_test.py NOVT: the guest of bench/nano runs to its end and measures every row of its table.

No figure is judged here: that is what scripts/bench is for.
"""
import os
import re
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")
sys.dont_write_bytecode = True
sys.path[:0] = [BENCH, os.path.join(BENCH, "..", "tests", "lib"), os.path.join(BENCH, "..", "tests", "boot")]
import nano  # noqa: E402
from expect import check  # noqa: E402

with open(nano.SOURCE) as source:
    names = re.findall(r'^ +ROW "(\w+)"', source.read(), re.M)
with tempfile.TemporaryDirectory() as tmp:
    image = nano.build(tmp)
    found = nano.launch(lambda serial: nano.novt_argv(sys.argv[1], image, serial))
check(len(names) > 20 and list(found) == names, f"{len(names)} operations measured")
check(all(0 <= best <= median for best, median in found.values()), "best repetitions are not above the median")
check(found["divzero"][0] > 10 and found["int_iret_ring0"][0] > 10, "faults and interrupts take time")
check(set(nano.VMWARE) <= set(names), "VMware's figures belong to rows")
