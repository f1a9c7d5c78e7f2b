#!/bin/bash
# registers_test.sh NOVT: the program itself uses general registers only, because the others hold the guest's state:
# no SSE or x87 register in its code, and its own memcpy and friends in place of libc's.
set -euo pipefail
novt=$1
if nm "$novt" | grep __asan_init >/dev/null; then
    echo "skipped: the sanitizer's build saves the guest's state first"
    exit 77
fi
if objdump -d --no-show-raw-insn "$novt" | grep -E '%[xyz]mm[0-9]|%st\(|%mm[0-7]' | head -5 | grep .; then
    echo "FAIL: SSE or x87 registers are used"
    exit 1
fi
for f in memcpy memmove memset memcmp bcmp; do
    nm "$novt" | grep " T $f\$" >/dev/null || { echo "FAIL: $f is not the program's own" && exit 1; }
done
echo "ok: general registers only"
