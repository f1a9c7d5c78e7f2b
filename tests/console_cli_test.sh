#!/bin/sh
# console_cli_test.sh: the command line: help, version, every kind of bad input, exit codes, where output goes.
# Usage: console_cli_test.sh NOVT
novt=${1:?usage: $0 NOVT}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
failures=0

fail() {
    echo "FAIL: $1"
    sed 's/^/    /' "$dir/err"
    failures=$((failures + 1))
}

# check NAME CODE PATTERN ARGS...: exit code, and one line on stderr that matches.
check() {
    name=$1 code=$2 pattern=$3
    shift 3
    timeout 60 "$novt" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ $got -eq "$code" ] || fail "$name: exit code $got, not $code"
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$name: not one line on stderr"
    grep -q -- "$pattern" "$dir/err" || fail "$name: no '$pattern' on stderr"
}

# shows NAME PATTERN ARGS...: exit code 0, pattern on stdout, nothing on stderr.
shows() {
    name=$1 pattern=$2
    shift 2
    timeout 60 "$novt" "$@" >"$dir/out" 2>"$dir/err" </dev/null || fail "$name: exit code $?"
    grep -q -- "$pattern" "$dir/out" || fail "$name: no '$pattern' on stdout"
    [ ! -s "$dir/err" ] || fail "$name: something on stderr"
}

# bytes OCTAL...: a file of these bytes.
bytes() { printf "$(printf '\\%s' "$@")"; }

# ---- Help and version ----
shows version '^novt [0-9]' version
shows version-option '^novt [0-9]' --version
shows help 'Commands:' help
shows help-option 'Commands:' --help
shows help-run '--kernel' help run
shows run-help 'Examples:' run --help
shows run-help-cpus 'CPU models' run --help
shows help-version 'Usage: novt version' help version
shows help-bench 'Usage: novt bench' help bench
shows bench-help 'Usage: novt bench' bench --help
shows bench 'translation, cycles per guest instruction' bench --launches 1
check bench-argument 1 "unexpected argument 'x'" bench x
check bench-launches 1 'from 1 to 50' bench --launches 0
check bench-value 1 'from 1 to 50' bench --launches
timeout 60 "$novt" >"$dir/out" 2>"$dir/err" && fail "no arguments: exit code 0"
grep -q 'Usage:' "$dir/err" || fail "no arguments: no usage"
[ ! -c /dev/full ] || { "$novt" version >/dev/full 2>"$dir/err" && fail "version to a full disk: exit code 0"; }

# ---- Commands and options ----
check unknown-command 1 "unknown command 'fly' (try" fly
check unknown-topic 1 "unknown command 'fly'" help fly
check unknown-option 1 "unknown option '--fly' (try 'novt run --help')" run --fly
check unknown-short 1 'unknown option' run -z
check missing-value 1 "option '--memory' needs a value" run --memory
check stray-argument 1 "unexpected argument 'disk.img'" run vm.json disk.img
check image-missing 1 'novt: /nonexistent/disk.img: ' run /nonexistent/disk.img
check image-empty 1 "novt: /dev/null: " run /dev/null
check image-directory 1 "novt: $dir: " run "$dir"

# ---- Machine files ----
# machine NAME CODE PATTERN TEXT ARGS...: a machine file of this text.
machine() {
    name=$1 code=$2 pattern=$3
    printf '%b' "$4" >"$dir/vm.json"
    shift 4
    check "machine-$name" "$code" "$pattern" run "$dir/vm.json" "$@"
}
check machine-missing 1 '/nonexistent/vm.json: cannot be read' run /nonexistent/vm.json
machine empty 1 "vm.json:1: " ''
machine syntax 1 "vm.json:3: " '{\n"memory": "16M",\n oops\n}'
machine array 1 "vm.json:1: a machine file is one object" '[]'
machine key 1 "vm.json:3: dsk: no option" '{"memory": 16,\n\n"dsk": "a.img"}'
machine help 1 "vm.json:1: help: no option" '{"help": true}'
machine twice 1 "vm.json:2: " '{"memory": 16,\n"memory": 17}'
machine type 1 "vm.json:2: memory: must be a string" '{\n"memory": null}'
machine flag 1 "vm.json:1: snapshot: must be true or false" '{"snapshot": "on"}'
machine many 1 "vm.json:1: memory: takes one value" '{"memory": [16, 17]}'
machine value 1 "vm.json:2: memory: '16Q' must be a size" '{"disk": {"file": "\\"memory\\":"},\n"memory": "16Q"}'
machine nested 1 "vm.json:1: disk: must be a string" '{"disk": {"file": ["a"]}}'
machine object-key 1 "disk: .*has no key 'speed'" '{"disk": {"file": "a.img", "speed": 3}}'
machine relative 1 "$dir/none.img" '{"disk": [{"file": "none.img", "readonly": true}]}'
machine absolute 1 " /nonexistent/a,b.img" '{"disk": {"file": "/nonexistent/a,b.img"}}'
check version-argument 1 'unexpected argument' version 2

# ---- Values ----
for size in 0 -5 12X abc 99T 1G1 '' 18446744073709551616; do
    check "memory '$size'" 1 'memory' run --memory "$size"
done
check memory-small 1 'at least 1M' run --memory 512K
check memory-large 1 'at most 3584M' run --memory 4G
check memory-odd 1 'whole number of MiB' run --memory 1500K
check cpu 1 "unknown model 'z80'" run --cpu z80
check serial 1 "serial: 'foo'" run --serial foo
check serial-empty-path 1 "serial: 'file:'" run --serial file:
check serial-unwritable 1 "/nonexistent/x" run --serial file:/nonexistent/x
check serial-directory 1 "$dir" run --serial "file:$dir"
check socket-unusable 1 'cannot listen' run --serial unix:/nonexistent/sock
: >"$dir/plain"
check socket-is-file 1 "$dir/plain" run --serial "unix:$dir/plain"
[ -f "$dir/plain" ] || fail "socket-is-file: the file was removed"
check stdio-twice 1 'stdio' run --serial stdio --debugcon stdio
check serial-five 1 'is one too many' run --serial none --serial none --serial none --serial none --serial none
check serial-second-bad 1 "second serial: cannot" run --serial none --serial unix:/nonexistent/sock
check parallel 1 "parallel: 'lpt'" run --parallel lpt
check parallel-unwritable 1 '/nonexistent/x' run --parallel file:/nonexistent/x
check parallel-stdio-twice 1 'stdio' run --parallel stdio
check rtc 1 'base must be utc' run --rtc now
check rtc-date 1 'base must be utc' run --rtc 2024-02-30x
check rtc-key 1 "has no key 'clock'" run --rtc base=utc,clock=host
check boot-letter 1 'boot: the order' run --boot x
check boot-twice 1 'boot: the order' run --boot cc
check boot-once 1 'boot: the order' run --boot order=c,once=q
check boot-menu 1 'menu must be on or off' run --boot cd,menu=maybe
check boot-menu-time 1 'menu-time must be' run --boot menu-time=70000
check smbios-no-type 1 'must start with type=' run --smbios vendor=x
check smbios-type 1 'must start with type=' run --smbios type=17,vendor=x
check smbios-key 1 "has no key 'vendor'" run --smbios type=1,vendor=x
check smbios-uuid 1 'uuid must be' run --smbios type=1,uuid=12
check smbios-long 1 'longer than 200' run --smbios "type=1,serial=$(printf %0201d 0)"
check uuid 1 "uuid: '1234' must be" run --uuid 1234
check debug-exit 1 'iobase must be' run --debug-exit iobase=70000
check debug-exit-size 1 'iosize must be' run --debug-exit iosize=0
check debug-exit-taken 1 'debugexit' run --debug-exit iobase=0x60
check display 1 "display: 'gtk'" run --display gtk
check timeout 1 "timeout: 'soon'" run --timeout soon
check timeout-zero 1 'timeout' run --timeout 0
check log-category 1 "log: 'irq,fun'" run --log irq,fun
check log-file 1 '/nonexistent/log' run --log irq --log-file /nonexistent/log
check bt-list 1 "bt: 'fast'" run --bt fast
check bt-cache 1 "bt: 'cache=x'" run --bt cache=x
check bt-both 1 'exclude' run --bt checked,direct
check bt-value 1 "gives a value\|must be on or off" run --bt checked=yes
check key-unknown 1 "has no key 'readnly'; there are: file, format, bootindex, readonly, snapshot, bus, chs" run --disk a.img,readnly=on
check key-bus 1 'bus must be ide or virtio' run --disk a.img,bus=scsi
check key-bootindex 1 'bootindex must be 1 to 65535' run --disk a.img,bootindex=0
check key-bootindex-net 1 'bootindex must be 1 to 65535' run --net user,bootindex=x
check hpet 1 'must be on or off' run --hpet maybe
check control 1 'must be on or off' run --control maybe
check qmp 1 'must be unix:PATH' run --qmp tcp:1
check qmp-empty 1 'must be unix:PATH' run --qmp unix:
check monitor 1 'must be unix:PATH' run --monitor vc
check name-empty 1 'must be 1 to 60 characters' run --name ''
check name-control 1 'control characters' run --name "$(printf 'a\tb')"
check key-chs 1 'chs must be CYLINDERS/HEADS/SECTORS' run --disk a.img,chs=100/16
check key-chs-zero 1 'chs must be 1 to 65535 cylinders, 1 to 16 heads' run --disk a.img,chs=100/0/63
check key-chs-heads 1 '1 to 16 heads' run --disk a.img,chs=100/17/63
check key-chs-text 1 'chs must be CYLINDERS' run --disk a.img,chs=100/16/63/2
check key-chs-sign 1 'chs must be CYLINDERS' run --disk a.img,chs=-1/16/63
check key-chs-virtio 1 'only IDE disks have a geometry' run --disk a.img,bus=virtio,chs=1/1/1
check key-drive 1 'drive must be 360, 720, 1.2, 1.44 or 2.88' run --floppy a.img,drive=8
check key-drive-disk 1 "has no key 'drive'" run --disk a.img,drive=1.44
check key-bus-floppy 1 "has no key 'bus'" run --floppy a.img,bus=ide
check key-twice 1 'gives readonly twice' run --disk a.img,readonly=on,readonly=off
check key-value 1 'readonly must be on or off' run --floppy a.img,readonly=maybe
check key-no-value 1 'gives no value to format' run --disk a.img,format
check key-empty 1 "has no key ''" run --disk a.img,
check key-format 1 'format must be' run --disk a.img,format=tape
check key-file-missing 1 'file must be a file' run --disk ''
check key-file-comma 1 "/nonexistent/a,b.img" run --disk /nonexistent/a,,b.img
check key-file-named 1 "/nonexistent/x.img" run --disk readonly=on,file=/nonexistent/x.img
check display-password 1 'with vnc only' run --display curses,password=x
check display-two 1 'gives a value to none' run --display none=1
check gdb 1 'must be tcp:ADDRESS:PORT' run --gdb 1234
check gdb-port 1 'cannot listen at tcp:127.0.0.1:0' run --gdb tcp:127.0.0.1:0 --timeout 1
check perf 1 'must be map or jitdump' run --perf all
check symbols 1 'symbols /nonexistent' run --symbols /nonexistent --timeout 1
check symbols-kind 1 'neither an ELF file' run --symbols "$0" --timeout 1
check max-vmas 1 'max-vmas' run --max-vmas none
check flat-address 1 'flat-address' run --flat-address here

# ---- Files ----
head -c 1000 /dev/zero >"$dir/short"
check kernel-missing 1 "$dir/none" run --kernel "$dir/none"
check kernel-empty 1 'is empty' run --kernel "$dir/plain"
check kernel-directory 1 'is a directory' run --kernel "$dir"
check kernel-bad 1 "$dir/short" run --kernel "$dir/short"
mkfifo "$dir/fifo"
check kernel-fifo 1 "$dir/fifo" run --kernel "$dir/fifo"
if [ "$(id -u)" -ne 0 ]; then
    cp "$dir/short" "$dir/locked" && chmod 0 "$dir/locked"
    check kernel-unreadable 1 "$dir/locked" run --kernel "$dir/locked"
fi
check initrd-alone 1 'need a kernel' run --initrd "$dir/short"
check append-alone 1 'need a kernel' run --append quiet
check firmware-missing 1 "$dir/none" run --firmware "$dir/none"
check firmware-truncated 1 'truncated' run --firmware "$dir/short"
check flat-missing 1 "$dir/none" run --flat-image "$dir/none"
check flat-too-high 1 'does not fit' run --flat-image "$dir/short" --memory 1M --flat-address 0xFFFFF
check flat-real-address 1 'real-mode address' run --flat-image "$dir/short" --flat-address 0x10001 --flat-real
check flat-and-kernel 1 'without firmware' run --flat-image "$dir/short" --kernel "$dir/short"

# ---- Runs of tiny real-mode images ----
# mov dx,0x3f8; mov al,'A'; out dx,al; mov al,3; out 0xf4,al; jmp $
bytes 272 370 003 260 101 356 260 003 346 364 353 376 >"$dir/exit7"
# cli; hlt; jmp back to hlt
bytes 372 364 353 375 >"$dir/halt"
# lidt with a null limit (at 8), then int3: triple fault
bytes 017 001 036 010 000 314 353 376 000 000 000 000 000 000 >"$dir/triple"
# mov cx,60000; mov dx,0x3f8; mov al,'A'; L: out dx,al; loop L; mov al,3; out 0xf4,al
bytes 271 140 352 272 370 003 260 101 356 342 375 260 003 346 364 >"$dir/chatter"

# run NAME CODE ARGS...: exit code only.
run() {
    name=$1 code=$2
    shift 2
    timeout 60 "$novt" run --flat-real "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ $got -eq "$code" ] || fail "$name: exit code $got, not $code"
}

run debug-exit 7 --flat-image "$dir/exit7"
[ "$(cat "$dir/out")" = A ] || fail "debug-exit: no serial output"
[ ! -s "$dir/err" ] || fail "debug-exit: something on stderr"
run serial-file 7 --flat-image "$dir/exit7" --serial "file:$dir/serial"
[ "$(cat "$dir/serial")" = A ] || fail "serial-file: not written"
run serial-none 7 --flat-image "$dir/exit7" --serial none
[ ! -s "$dir/out" ] || fail "serial-none: output"
run debug-exit-none 124 --flat-image "$dir/exit7" --debug-exit none --timeout 0.5
run debug-exit-elsewhere 124 --flat-image "$dir/exit7" --debug-exit iobase=0x501,iosize=2 --timeout 0.5
run timeout 124 --flat-image "$dir/halt" --timeout 0.3
run triple-fault 2 --flat-image "$dir/triple" --no-reboot
run complete-output 7 --flat-image "$dir/chatter"
[ "$(wc -c <"$dir/out")" -eq 60000 ] || fail "complete-output: $(wc -c <"$dir/out") bytes of 60000"
run stats 7 --flat-image "$dir/exit7" --stats
grep -q 'translator' "$dir/err" || fail "stats: no table"
printf '{"flat-image": "exit7", "flat-real": true, "serial": "file:m-serial", "memory": 3, "timeout": 20.5}' >"$dir/vm.json"
timeout 60 "$novt" run "$dir/vm.json" </dev/null >"$dir/out" 2>"$dir/err"
[ $? -eq 7 ] && [ "$(cat "$dir/m-serial")" = A ] || fail "machine file"
timeout 60 "$novt" run --serial stdio "$dir/vm.json" --memory 2M </dev/null >"$dir/out" 2>"$dir/err"
[ $? -eq 7 ] && [ "$(cat "$dir/out")" = A ] || fail "machine file: the command line decides"
truncate -s 1440K "$dir/old-dos.img"
timeout 60 "$novt" run "$dir/old-dos.img" --timeout 0.5 --serial none </dev/null >"$dir/out" 2>"$dir/err"
[ $? -eq 124 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] && grep -q 'run as --floppy --boot a$' "$dir/err" || fail "guess: floppy"
run log 7 --flat-image "$dir/exit7" --log io --log-file "$dir/log"
grep -q 'out 00f4' "$dir/log" || fail "log: port write missing"
for mode in one-insn checked direct plain cache=4M; do run "bt-$mode" 7 --flat-image "$dir/exit7" --bt "$mode"; done
if [ -c /dev/full ]; then
    run full-disk 7 --flat-image "$dir/chatter" --serial file:/dev/full
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "full-disk: not one warning"
    run full-log 7 --flat-image "$dir/exit7" --log io --log-file /dev/full
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "full-log: not one warning"
fi
# A reader that goes away does not end the machine.
timeout 60 "$novt" run --flat-real --flat-image "$dir/chatter" 2>"$dir/err" | head -c 10 >"$dir/out"
[ "$(cat "$dir/out")" = AAAAAAAAAA ] || fail "closed-pipe: output"

# ---- Signals ----
for signal in TERM INT HUP; do
    "$novt" run --flat-real --flat-image "$dir/halt" --timeout 30 </dev/null >"$dir/out" 2>"$dir/err" &
    pid=$!
    sleep 0.3
    kill -$signal $pid
    wait $pid
    got=$?
    # A shell without job control starts background jobs with SIGINT ignored; ours must be caught all the same.
    [ $got -eq 0 ] || fail "signal $signal: exit code $got"
done

# ---- An idle machine costs nothing ----
"$novt" run --flat-real --flat-image "$dir/halt" --timeout 2 </dev/null >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 0.5
before=$(awk '{print $14 + $15}' /proc/$pid/stat)
sleep 1
after=$(awk '{print $14 + $15}' /proc/$pid/stat)
wait $pid
[ $((after - before)) -le 1 ] || fail "idle: $((after - before)) ticks of CPU time in a second"

echo "$failures failures"
[ $failures -eq 0 ]
