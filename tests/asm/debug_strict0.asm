; mode: ring0
; faults: yes
; undefined: OF SF AF PF CF ZF
; qemu: no (TCG has no GD, no shadow of SS for breakpoints, ignores CR4.DE and reports one data breakpoint at a time)
; Breakpoints in the debug registers where the manual is stricter than QEMU.
; The #DB handler counts in EBP, adds up DR6 in EBX and leaves the image of EFLAGS at IMAGE.
; expect watch_two: ebx=0x3 ebp=1
; expect execute_ss: ebx=0 ebp=0 edx=1
; expect io_de: ebx=0 ebp=0
; expect general: ebx=0x2000 ebp=1 mem[0x20000018]=0x10046
; expect step_watch: ebp=2 ebx=0x4001
%include "debug.inc"
CASE "watch_two"                ; one access, two breakpoints, one #DB
    ARM DATA, 0x00dd040a
    mov eax, DATA + 4
    mov dr1, eax
    mov dword [DATA + 2], 1
    DISARM
ENDCASE
CASE "execute_ss"
    ARM .here, ON_EXEC
    mov ax, ss
    mov ss, ax
.here:
    inc edx
    DISARM
ENDCASE
CASE "io_de"
    ARM 0x80, 0x00020402
    out 0x80, al
    DISARM
ENDCASE
CASE "general"                  ; entry clears GD, so that the handler may use the registers
    ARM 0, 0x2400
    mov eax, dr0
    mov eax, dr0
    DISARM
ENDCASE
CASE "step_watch"               ; a data breakpoint and the step are one #DB
    ARM DATA, ON_WRITE4
    push 2
    SETTF 1
    popfd
    mov [DATA], eax
    popfd
    DISARM
ENDCASE
