; mode: ring0
; faults: yes
; undefined: OF SF AF PF CF ZF
; covers: MOV_R_DR MOV_DR_R POPF IRET
; Breakpoints in the debug registers and single steps.
; The #DB handler counts in EBP, adds up DR6 in EBX and leaves the image of EFLAGS at IMAGE.
; expect watch_write: ebx=1 ebp=1 edx=7
; expect watch_read: ebx=2 ebp=2 eax=5
; expect watch_rmw: ebx=1 ebp=1
; expect watch_push: ebx=1 ebp=1
; expect watch_pop: ebx=2 ebp=3
; expect watch_movs: ebx=1 ebp=1
; expect watch_rep: ebp=1 ebx=1 edi=0x20000040
; expect watch_bts: ebx=8 ebp=1
; expect watch_miss: ebx=0 ebp=0
; expect watch_ss: ebp=1 ebx=1 edx=1
; expect execute: ebx=1 ebp=1 edx=2 mem[0x20000018]=0x46
; expect io: ebx=1 ebp=1
; expect popf_set: ebx=0x4000 ebp=3 edx=1
; expect popf_clear: ebx=0x4000 ebp=1
; expect iret_set: ebp=2 ebx=0x4000 edx=1
; expect step_ss: ebx=0x4000 ebp=2
%include "debug.inc"
CASE "watch_write"
    ARM DATA, ON_WRITE4
    mov eax, [DATA]             ; reads do not count
    mov byte [DATA + 3], 7      ; DATA..DATA+3 is watched
    mov dl, [DATA + 3]
    mov byte [DATA + 4], 9
    DISARM
    xor edi, edi
    mov eax, 0
ENDCASE
CASE "watch_read"
    mov dword [DATA], 5
    ARM 0, 0x400
    mov eax, DATA
    mov dr1, eax
    mov eax, 0x00f00408
    mov dr7, eax
    mov eax, [DATA]
    mov [DATA], eax
    lea esi, [DATA]
    DISARM
ENDCASE
CASE "watch_rmw"
    ARM DATA, ON_WRITE4
    add dword [DATA - 2 + 4], 1
    DISARM
ENDCASE
CASE "watch_push"
    ARM STACK + 0x800, ON_WRITE4
    mov esi, esp
    mov esp, STACK + 0x804
    push eax
    mov esp, esi
    DISARM
ENDCASE
CASE "watch_pop"                ; the frame of the #DB stays clear of the watched word
    ARM 0, 0x400
    mov eax, STACK + 0x7f0
    mov dr1, eax
    mov eax, 0x00f00408
    mov dr7, eax
    mov [DATA + 16], esp
    mov esp, STACK + 0x7f0
    popad                       ; zeros
    mov dword [STACK + 0x7f0], .to
    mov esp, STACK + 0x7f0
    ret 16
.to:
    mov esp, [DATA + 16]
    DISARM
    xor eax, eax
ENDCASE
CASE "watch_movs"
    mov esi, DATA + 0x100
    mov edi, DATA
    ARM DATA, ON_WRITE4
    movsd
    DISARM
ENDCASE
CASE "watch_rep"                ; the repeat goes on after the trap, wherever that came
    mov edi, DATA
    ARM DATA + 0x3c, ON_WRITE4
    mov ecx, 16
    xor eax, eax
    rep stosd
    mov esi, edi
    DISARM
    mov edi, esi
ENDCASE
CASE "watch_bts"
    ARM 0, 0x400
    mov eax, DATA + 0x10
    mov dr3, eax
    mov eax, 0xd0000480
    mov dr7, eax
    mov eax, 128
    bts [DATA], eax
    DISARM
ENDCASE
CASE "watch_miss"
    ARM DATA + 8, ON_RW4
    mov dword [DATA + 4], 1
    mov eax, [DATA + 12]
    DISARM
ENDCASE
CASE "watch_ss"                 ; held until the instruction after the load of SS
    mov word [DATA], KERNEL_DS
    ARM DATA, ON_RW4
    mov ss, [DATA]
    mov edx, 1
    mov esi, ebp
    DISARM
ENDCASE
CASE "execute"                  ; the image with RF set passes the breakpoint once
    ARM .here, ON_EXEC
    cmp eax, eax
.here:
    inc edx
    inc edx
    DISARM
ENDCASE
CASE "io"
    mov eax, cr4
    or eax, 8
    mov cr4, eax
    ARM 0x80, 0x00020402
    out 0x80, al
    out 0x84, al
    DISARM
ENDCASE
CASE "popf_set"                 ; traps after INC, PUSH and the POPFD that clears TF
    ARM 0, 0x400
    SETTF 1
    popfd
    inc edx
    push 2
    popfd
ENDCASE
CASE "popf_clear"               ; one trap: after the POPFD that clears it
    ARM 0, 0x400
    push 2
    SETTF 1
    popfd
    popfd
    nop
    nop
ENDCASE
CASE "iret_set"
    ARM 0, 0x400
    push dword 2
    push dword 0x102
    push dword KERNEL_CS
    push dword .to
    iret
.to:
    inc edx
    popfd
    nop
ENDCASE
CASE "step_ss"                  ; no trap after MOV SS
    ARM 0, 0x400
    mov ax, ss
    push 2
    SETTF 1
    popfd
    mov ss, ax
    nop
    popfd
    nop
ENDCASE
