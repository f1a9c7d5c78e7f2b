; pm286.asm: 16-bit protected mode as a 286 system uses it: LMSW, LDT, 286 TSS, 286 gates, four rings, limits and types;
; then what a 386 adds: the way back to real mode, big limits kept there, and the A20 gate.
; SDM vol. 3 "Protection"; the numbers are the manual's.
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
TSS_SEL equ 0x18
LDT_SEL equ 0x20
CODE3   equ 0x28 | 3
DATA3   equ 0x30 | 3
CODE1   equ 0x38 | 1
DATA1   equ 0x40 | 1
CONFORM equ 0x48
SMALL   equ 0x50                        ; 256 bytes
RDONLY  equ 0x58
EXONLY  equ 0x60
ABSENT  equ 0x68
DOWN    equ 0x70                        ; offsets from 1000h
DOWNSTK equ 0x78                        ; a stack of offsets from 8000h
GATE0   equ 0x80                        ; to ring 0, two words
GATE1   equ 0x88 | 3                    ; to ring 1
GATE_DPL0 equ 0x90
GATE_NP equ 0x98
GATE_32 equ 0xA0                        ; a 386 gate to 16-bit code, one doubleword
BIG     equ 0xA8                        ; 4 GiB, for the way to real mode
BEYOND  equ 0x1F8                       ; outside the GDT
L_DATA  equ 0x04                        ; LDT
L_CODE  equ 0x0C | 3
EXIT3   equ 0x40                        ; INT that ends a piece of ring-3 code
STACK0  equ 0x7000
STACK3  equ 0x6000
STACK1  equ 0x5000
R0_SP   equ 0x7400                      ; inner stack of the TSS

main:
    cli
    mov al, 0xFF
    out 0x21, al
    out 0xA1, al
    call enable_a20
    lgdt [gdt_ptr]
    lidt [idt_ptr]
    smsw ax
    mov [before], ax
    or ax, 1
    lmsw ax
    jmp KCODE:.in_pm
.in_pm:
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, STACK0
    mov ax, LDT_SEL
    lldt ax
    mov ax, TSS_SEL
    ltr ax
    test byte [before], 1
    EXPECT_CC z, "SMSW in real mode: PE is clear"
    smsw ax
    test al, 1
    EXPECT_CC nz, "LMSW sets PE"
    and al, 0xFE
    lmsw ax
    smsw ax
    test al, 1
    EXPECT_CC nz, "LMSW does not clear PE"
    test byte [gdt + TSS_SEL + 5], 2
    EXPECT_CC nz, "LTR marks the 286 TSS busy"
    call data_tests
    call down_tests
    call ldt_tests
    call gate_tests
    call ring_tests
    call stack_tests
    jmp to_real

; TRY instruction: ex_vector is FFFFh if it raises nothing. FAULTS instruction, vector, error, name
%macro TRY 1+
    mov word [ex_vector], -1
    mov word [resume], %%end
    mov [resume_sp], sp
    %1
%%end:
%endmacro
%macro WAS 3                            ; vector, error code, name
    EXPECTW [ex_vector], %1, {%3, ": vector"}
    EXPECTW [ex_error], %2, {%3, ": error code"}
%endmacro
; Ring-3 code at %1, until its INT or a fault.
%macro RING3 1
    mov word [ex_vector], -1
    mov word [resume], %%end
    mov [resume_sp], sp
    push word DATA3
    push word STACK3
    push word 0x0002
    push word CODE3
    push word %1
    iret
%%end:
%endmacro

data_tests:
    mov ax, SMALL
    mov es, ax
    TRY mov al, [es:0xFF]
    EXPECTW [ex_vector], 0xFFFF, "limit: the last byte"
    TRY mov ax, [es:0xFE]
    EXPECTW [ex_vector], 0xFFFF, "limit: the last word"
    mov ax, SMALL
    mov es, ax
    TRY mov ax, [es:0xFF]
    WAS 13, 0, "limit: a word across it"
    mov ax, SMALL
    mov es, ax
    TRY mov byte [es:0x100], 1
    WAS 13, 0, "limit: a byte beyond"
    mov ax, SMALL
    mov es, ax
    mov di, 0xFC
    mov cx, 4
    xor ax, ax
    cld
    TRY rep stosw
    WAS 13, 0, "limit: REP STOSW across it"
    EXPECTW [ex_di], 0x100, "limit: and how far it came"
    EXPECTW [ex_cx], 2, "limit: and what is left"
    mov ax, RDONLY
    mov es, ax
    TRY mov al, [es:0]
    EXPECTW [ex_vector], 0xFFFF, "read-only data is read"
    mov ax, RDONLY
    mov es, ax
    TRY mov [es:0], al
    WAS 13, 0, "type: a write to read-only data"
    TRY mov [cs:0], al
    WAS 13, 0, "type: a write to code"
    mov ax, EXONLY
    TRY mov es, ax
    WAS 13, EXONLY, "a load of execute-only code"
    mov ax, ABSENT
    TRY mov es, ax
    WAS 11, ABSENT, "a load of an absent segment"
    mov ax, ABSENT
    TRY mov ss, ax
    WAS 12, ABSENT, "an absent stack"
    mov ax, BEYOND
    TRY mov es, ax
    WAS 13, BEYOND, "a selector outside the GDT"
    mov ax, TSS_SEL
    TRY mov es, ax
    WAS 13, TSS_SEL, "a load of a TSS descriptor"
    mov ax, RDONLY
    TRY mov ss, ax
    WAS 13, RDONLY, "a read-only stack"
    xor ax, ax
    TRY mov ss, ax
    WAS 13, 0, "a null stack"
    xor ax, ax
    mov es, ax
    TRY mov al, [es:0]
    WAS 13, 0, "type: use of a null selector"
    TRY jmp SMALL:0
    WAS 13, SMALL, "a jump to data"
    TRY jmp CODE3:0
    WAS 13, CODE3 & ~3, "a jump to an outer ring"
    ret

down_tests:
    mov ax, DOWN
    mov es, ax
    TRY mov al, [es:0x1000]
    EXPECTW [ex_vector], 0xFFFF, "expand-down: its first byte"
    mov ax, DOWN
    mov es, ax
    TRY mov byte [es:0xFFFF], 5
    EXPECTW [ex_vector], 0xFFFF, "expand-down: its last byte"
    mov ax, DOWN
    mov es, ax
    TRY mov al, [es:0xFFF]
    WAS 13, 0, "limit: below an expand-down segment"
    mov ax, DOWN
    mov es, ax
    TRY mov ax, [es:0xFFFF]
    WAS 13, 0, "limit: a word at FFFFh, expand-down"
    mov bx, sp
    mov ax, DOWNSTK
    mov ss, ax
    mov sp, 0x8002
    mov [resume_sp], bx
    mov word [ex_vector], -1
    mov word [resume], .end
    push word 1                         ; to 8000h
    push word 2                         ; below
.end:
    mov ax, KDATA
    mov ss, ax
    mov sp, bx
    mov sp, [resume_sp]
    WAS 12, 0, "limit: a push below an expand-down stack"
    EXPECTW [ex_sp], 0x8000, "limit: SP stays"
    ret

ldt_tests:
    mov ax, L_DATA
    mov es, ax
    mov word [es:0], 0x1DA7
    EXPECTW [0x4000], 0x1DA7, "a segment of the LDT"
    mov ax, L_CODE
    lsl bx, ax
    mov [scratch], bx
    EXPECTW [scratch], 0x3FFF, "LSL of an LDT descriptor"
    lar bx, ax
    mov [scratch], bx
    EXPECTW [scratch], 0xFB00, "LAR of an LDT descriptor"
    verr ax
    EXPECT_CC z, "VERR"
    verw ax
    EXPECT_CC nz, "VERW"
    mov ax, GATE0
    lar bx, ax
    mov [scratch], bx
    EXPECTW [scratch], 0xE400, "LAR of a 286 call gate"
    lsl bx, ax
    EXPECT_CC nz, "LSL of a gate"
    mov ax, 0x14
    TRY mov es, ax
    WAS 13, 0x14, "a selector outside the LDT"
    ret

gate_tests:
    mov word [passed], 0
    push word 0x1111
    push word 0x2222
    TRY call GATE0:0
    EXPECTW [passed], 0x2222, "call gate at the same level: no copy, parameters stay in place"
    add sp, 4
    RING3 r3_gate
    EXPECTW [ex_vector], EXIT3, "call gate from ring 3 comes back"
    EXPECTW [passed], 0x2222, "call gate: the last parameter is copied"
    EXPECTW [passed2], 0x1111, "call gate: and the first"
    EXPECTW [inner_ss], KDATA, "call gate: the stack is the TSS's"
    EXPECTW [inner_sp], R0_SP - 12, "call gate: six words on it"
    EXPECTW [outer_sp], STACK3 - 4, "call gate: the old SP is pushed"
    EXPECTW [outer_ss], DATA3, "call gate: and the old SS"
    EXPECTW [outer_cs], CODE3, "call gate: and the caller's CS"
    EXPECTW [scratch], STACK3, "RETF 4 releases the parameters outside"
    EXPECTW [scratch2], 0, "RETF to an outer ring nulls ES"
    RING3 r3_gate32
    EXPECTW [ex_vector], EXIT3, "386 call gate from 16-bit ring 3"
    EXPECT [passed], 0x33334444, "386 call gate: a doubleword is copied"
    RING3 r3_gate_dpl
    WAS 13, GATE_DPL0, "a gate of ring 0"
    RING3 r3_gate_np
    WAS 11, GATE_NP, "an absent gate"
    RING3 r3_jmp_gate
    WAS 13, KCODE, "JMP through a gate to an inner ring"
    mov word [tss + 2], 0x7403
    mov word [tss + 4], DATA3           ; wrong ring
    RING3 r3_gate
    EXPECTW [ex_vector], EXIT3, "#TS is handled in ring 3"
    EXPECTW [ts_error], DATA3 & ~3, "an inner stack of the wrong ring is #TS"
    ret

ring_tests:
    mov word [tss + 2], R0_SP
    mov word [tss + 4], KDATA
    RING3 r3_to_r1
    EXPECTW [ex_vector], EXIT3, "ring 3 to 1 and back"
    EXPECTW [passed], CODE1, "ring 1: CS"
    EXPECTW [passed2], DATA1, "ring 1: SS"
    EXPECTW [scratch], CODE3, "and ring 3 again"
    RING3 r3_conform
    EXPECTW [ex_vector], EXIT3, "conforming code from ring 3"
    EXPECTW [passed], CONFORM | 3, "conforming code: the CPL stays"
    RING3 r3_cli
    WAS 13, 0, "CLI at ring 3"
    RING3 r3_hlt
    WAS 13, 0, "HLT at ring 3"
    RING3 r3_in
    WAS 13, 0, "IN at ring 3: a 286 TSS has no bitmap"
    RING3 r3_load
    WAS 13, KDATA, "a load of ring 0's data at ring 3"
    RING3 r3_int
    WAS 13, 0x41 * 8 + 2, "INT through a gate of ring 0"
    RING3 r3_popf
    EXPECTW [scratch], 0x0002, "POPF at ring 3 changes neither IF nor IOPL"
    RING3 r3_iopl
    EXPECTW [ex_vector], EXIT3, "SMSW, SGDT at ring 3 are allowed"
    RING3 r3_ldt
    EXPECTW [ex_vector], EXIT3, "code of the LDT"
    pushf
    sti
    int 0x42                            ; trap gate
    int 0x43                            ; interrupt gate
    popf
    test byte [passed + 1], 2
    EXPECT_CC nz, "a trap gate leaves IF"
    test byte [passed2 + 1], 2
    EXPECT_CC z, "an interrupt gate clears IF"
    TRY int 0x44
    WAS 11, 0x44 * 8 + 2, "an absent interrupt gate"
    TRY int 0x70
    WAS 13, 0x70 * 8 + 2, "a vector outside the IDT"
    ret

stack_tests:                            ; a 16-bit stack; ESP's upper half stays
    mov bx, sp
    mov esp, 0x5A5A0000
    mov sp, STACK1
    push eax
    push word 3
    pop ax
    pop eax
    mov [scratch], esp
    mov sp, bx
    EXPECT [scratch], 0x5A5A0000 | STACK1, "a 16-bit stack keeps ESP's upper half"
    mov sp, STACK1
    mov bp, STACK1 - 0x100
    mov word [STACK1 - 0x102], 0xAAAA
    mov word [STACK1 - 0x104], 0xBBBB
    enter 6, 3
    mov [scratch], bp
    mov [scratch2], sp
    leave
    mov [passed], sp
    mov sp, bx
    EXPECTW [scratch], STACK1 - 2, "ENTER 6, 3: BP"
    EXPECTW [scratch2], STACK1 - 14, "ENTER 6, 3: SP"
    EXPECTW [STACK1 - 4], 0xAAAA, "ENTER 6, 3: the display"
    EXPECTW [STACK1 - 6], 0xBBBB, "ENTER 6, 3: its second entry"
    EXPECTW [STACK1 - 8], STACK1 - 2, "ENTER 6, 3: and the new frame's"
    EXPECTW [passed], STACK1, "LEAVE"
    ret

; ---- Ring 3 ----
r3_gate:
    mov ax, DATA3
    mov ds, ax
    push word 0x1111
    push word 0x2222
    call GATE0 | 3:0
    mov [scratch], sp
    mov [scratch2], es
    int EXIT3
r3_gate32:
    mov ax, DATA3
    mov ds, ax
    push dword 0x33334444
    call GATE_32 | 3:0
    int EXIT3
r3_gate_dpl:
    call GATE_DPL0 | 3:0
r3_gate_np:
    call GATE_NP | 3:0
r3_jmp_gate:
    jmp GATE0 | 3:0
r3_to_r1:
    mov ax, DATA3
    mov ds, ax
    call GATE1:0
    mov [scratch], cs
    int EXIT3
r3_conform:
    mov ax, DATA3
    mov ds, ax
    call CONFORM:conforming
    int EXIT3
r3_cli: cli
r3_hlt: hlt
r3_in:  in al, 0x61
r3_load:
    mov ax, KDATA
    mov ds, ax
r3_int: int 0x41
r3_popf:
    mov ax, DATA3
    mov ds, ax
    push word 0x3202
    popf
    pushf
    pop word [scratch]
    int EXIT3
r3_iopl:
    mov ax, DATA3
    mov ds, ax
    smsw ax
    sgdt [table_image]
    int EXIT3
r3_ldt:
    mov ax, DATA3
    mov ds, ax
    jmp L_CODE:r3_ldt_code - 0x8000
r3_ldt_code:
    int EXIT3
conforming:
    mov [passed], cs
    retf

; ---- Inner code ----
gate_entry:                             ; two words
    mov bp, sp
    mov ax, [ss:bp + 4]
    mov dx, [ss:bp + 6]
    mov bx, DATA3
    mov ds, bx
    mov bx, KDATA
    mov es, bx
    mov [passed], ax
    mov [passed2], dx
    mov [inner_ss], ss
    mov [inner_sp], sp
    mov cx, [bp + 2]
    mov [outer_cs], cx
    test cx, 3
    jz .same
    mov ax, [bp + 8]
    mov [outer_sp], ax
    mov ax, [bp + 10]
    mov [outer_ss], ax
    retf 4
.same:
    retf
gate32_entry:
    mov bp, sp
    mov eax, [bp + 8]
    mov bx, KDATA
    mov ds, bx
    mov [passed], eax
    o32 retf 4
ring1_entry:
    mov [passed], cs
    mov [passed2], ss
    retf
trap_entry:
    pushf
    pop word [passed]
    iret
int_entry:
    pushf
    pop word [passed2]
    iret

; ---- Exceptions: through 286 gates; back to [resume] in ring 0 ----
%macro STUB 2
stub%1:
  %if %2 == 0
    push word 0
  %endif
    push word %1
    jmp caught
%endmacro
    STUB 6, 0
    STUB 8, 1
    STUB 11, 1
    STUB 12, 1
    STUB 13, 1
    STUB EXIT3, 0
caught:
    push ax
    mov ax, KDATA
    mov ds, ax
    pop ax
    mov [ex_cx], cx
    mov [ex_di], di
    pop word [ex_vector]
    pop word [ex_error]
    pop word [ex_ip]
    pop word [ex_cs]
    pop word [ex_flags]
    mov [ex_sp], sp
    mov ax, KDATA
    mov es, ax
    mov ss, ax
    mov sp, [resume_sp]
    cld
    jmp [resume]

; ---- While the inner stack is bad no handler of ring 0 can be entered from ring 3: #TS has a conforming one ----
ts_handler:
    mov ax, DATA3
    mov ds, ax
    pop word [ts_error]
    mov word [tss + 2], R0_SP
    mov word [tss + 4], KDATA
    int EXIT3

; ---- A stack fault on a stack that is full needs another one: #SS and #TS come through a ring-0 handler on the same
; stack, which DOWNSTK has no room for; so #SS has a task ----
ss_task:                                ; entered by the task gate of vector 12, the error code on its stack
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    pop word [ex_error]
    mov word [ex_vector], 12
    mov ax, [tss + 0x1A]                ; the old task's SP
    mov [ex_sp], ax
    mov ax, [resume]
    mov [tss + 0x0E], ax                ; it goes on at [resume], on the flat stack
    mov word [tss + 0x26], KDATA
    mov ax, [resume_sp]
    mov [tss + 0x1A], ax
    iret
    jmp ss_task

; ---- Back to real mode ----
to_real:
    mov ax, BIG
    mov fs, ax                          ; keeps its limit
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, STACK0
    mov eax, cr0
    and al, 0xFE
    mov cr0, eax
    jmp 0:.real
.real:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    lidt [real_idt]
    smsw ax
    test al, 1
    EXPECT_CC z, "MOV CR0 clears PE"
    mov ebx, 0x123450
    mov dword [fs:ebx], 0xB16B00B5
    mov eax, [fs:ebx]
    EXPECT eax, 0xB16B00B5, "big real mode: 4 GiB through FS"
    mov ax, 0x1000
    mov fs, ax
    mov dword [fs:ebx], 0xC001D00D
    EXPECT [fs:ebx], 0xC001D00D, "big real mode: a load keeps the limit"
    mov word [13 * 4], real_gp
    mov word [13 * 4 + 2], 0
    mov word [6 * 4], real_ud
    mov word [6 * 4 + 2], 0
    mov word [5 * 4], real_br
    mov word [5 * 4 + 2], 0
    mov word [4 * 4], real_of
    mov word [4 * 4 + 2], 0
    mov word [12 * 4], real_ss
    mov word [12 * 4 + 2], 0

    mov bx, 0xFFFF
    TRY mov ax, [bx]
    EXPECTW [ex_vector], 13, "real mode limit: a word at FFFFh is INT 13"
    mov ebx, 0x10000
    TRY mov al, [ebx]
    EXPECTW [ex_vector], 13, "real mode limit: beyond 64 KiB"
    mov bp, 0xFFFF
    TRY mov ax, [bp]
    EXPECTW [ex_vector], 12, "real mode limit: on the stack INT 12"
    xor ax, ax
    TRY bound ax, [.low]
    EXPECTW [ex_vector], 5, "BOUND in real mode"
    mov al, 0x7F
    inc al
    TRY into
    EXPECTW [ex_vector], 4, "INTO in real mode"
    TRY db 0xF0, 0x89, 0xC0
    EXPECTW [ex_vector], 6, "LOCK of a register MOV"
    TRY times 15 db 0x2E
    db 0x90
    EXPECTW [ex_vector], 13, "an instruction of 16 bytes"
    TRY lldt ax
    EXPECTW [ex_vector], 6, "LLDT in real mode"
    mov bx, sp
    mov sp, 8                           ; eight words: two below 0
    mov ax, 0x7777
    pusha
    mov [scratch], sp
    mov sp, bx
    EXPECTW [scratch], 0xFFF8, "PUSHA wraps at 64 KiB"
    mov ax, [0xFFF8]
    mov [scratch2], di
    cmp ax, [scratch2]
    EXPECT_CC e, "and stores up there"
    mov word [0x4FE], 0x5AFE            ; A20: FFFF:050E is 1004FEh
    mov ax, 0xFFFF
    mov es, ax
    mov word [es:0x50E], 0
    EXPECTW [0x4FE], 0x5AFE, "A20 on: 1 MiB is not 0"
    mov word [es:alias + 0x10], 0xCB40  ; INC AX, RETF in the high memory area
    mov ah, 0xDD
    call gate_a20
    EXPECTW [es:0x50E], 0x5AFE, "A20 off: reads wrap at 1 MiB"
    mov word [es:0x50E], 0x0FF0
    EXPECTW [0x4FE], 0x0FF0, "A20 off: writes wrap"
    xor ax, ax
    call 0xFFFF:alias + 0x10
    mov [scratch], ax
    EXPECTW [scratch], 0x55, "A20 off: code wraps"
    mov ah, 0xDF
    call gate_a20
    EXPECTW [es:0x50E], 0, "A20 on again: 1 MiB is its own memory"
    mov word [es:alias + 0x10], 0xCB40
    xor ax, ax
    call 0xFFFF:alias + 0x10
    mov [scratch], ax
    EXPECTW [scratch], 1, "A20 on again: and other code"
    FINISH
.low: dw 0x7FFE, 0x7FFF
alias:                                  ; runs at FFFF:alias+10h while A20 is off
    mov ax, 0x55
    retf

; The keyboard controller's output port (A20 is bit 1), and port 92h alike: either can hold the line up.
gate_a20:
    call .ready
    mov al, 0xD1
    out 0x64, al
    call .ready
    mov al, ah
    out 0x60, al
    call .ready
    in al, 0x92
    and al, 0xFC
    and ah, 2
    or al, ah
    out 0x92, al
    ret
.ready:
    in al, 0x64
    test al, 2
    jnz .ready
    ret

%macro REAL 2
%1:
    mov word [ex_vector], %2
    add sp, 6
    mov sp, [resume_sp]
    jmp [resume]
%endmacro
    REAL real_gp, 13
    REAL real_ud, 6
    REAL real_br, 5
    REAL real_of, 4
    REAL real_ss, 12

; ---- Tables ----
align 8
gdt:
    dq 0
    DESC 0, 0xFFFF, 0x9B, 0             ; 08 KCODE
    DESC 0, 0xFFFF, 0x93, 0             ; 10 KDATA
    dw 0x2B, tss, 0x8100, 0             ; 18 TSS
    dw ldt_end - ldt - 1, ldt, 0x8200, 0 ; 20 LDT
    DESC 0, 0xFFFF, 0xFB, 0             ; 28 CODE3
    DESC 0, 0xFFFF, 0xF3, 0             ; 30 DATA3
    DESC 0, 0xFFFF, 0xBB, 0             ; 38 CODE1
    DESC 0, 0xFFFF, 0xB3, 0             ; 40 DATA1
    DESC 0, 0xFFFF, 0x9F, 0             ; 48 CONFORM
    DESC 0x4000, 0xFF, 0x93, 0          ; 50 SMALL
    DESC 0x4000, 0xFF, 0x91, 0          ; 58 RDONLY
    DESC 0x4000, 0xFF, 0x99, 0          ; 60 EXONLY
    DESC 0x4000, 0xFF, 0x13, 0          ; 68 ABSENT
    DESC 0x20000, 0x0FFF, 0x97, 0       ; 70 DOWN
    DESC 0x30000, 0x7FFF, 0x97, 0       ; 78 DOWNSTK
    GATE KCODE, gate_entry, 0xE4, 2     ; 80 GATE0
    GATE CODE1, ring1_entry, 0xE4       ; 88 GATE1
    GATE KCODE, gate_entry, 0x84, 2     ; 90 GATE_DPL0
    GATE KCODE, gate_entry, 0x64, 2     ; 98 GATE_NP
    GATE KCODE, gate32_entry, 0xEC, 1   ; A0 GATE_32
    DESC 0, 0xFFFFF, 0x93, 8            ; A8 BIG
    dw 0x2B, tss_ss, 0x8100, 0          ; B0 the task of #SS
gdt_ptr:
    dw $ - gdt - 1
    dd gdt
ldt:
    DESC 0x4000, 0xFF, 0x93, 0          ; 04
    DESC 0x8000, 0x3FFF, 0xFB, 0        ; 0C
ldt_end:
idt:
    times 6 dq 0
    GATE KCODE, stub6, 0x86
    dq 0
    GATE KCODE, stub8, 0x86
    dq 0
    GATE CONFORM, ts_handler, 0x86
    GATE KCODE, stub11, 0x86
    GATE 0xB0, 0, 0x85
    GATE KCODE, stub13, 0x86
    times EXIT3 - 14 dq 0
    GATE KCODE, stubEXIT3, 0xE7
    GATE KCODE, trap_entry, 0x87
    GATE KCODE, trap_entry, 0x87
    GATE KCODE, int_entry, 0x86
    GATE KCODE, int_entry, 0x06
idt_ptr:
    dw $ - idt - 1
    dd idt
real_idt:
    dw 0x3FF
    dd 0
tss:
    dw 0, R0_SP, KDATA, STACK1, DATA1, 0, 0
    times 14 dw 0
    dw LDT_SEL
tss_ss:
    dw 0, R0_SP, KDATA, 0, 0, 0, 0
    dw ss_task, 2, 0, 0, 0, 0, 0x4F00, 0, 0, 0
    dw KDATA, KCODE, KDATA, KDATA, 0

before:     dw 0
table_image: times 3 dw 0
resume:     dw 0
resume_sp:  dw 0
ex_vector:  dw 0
ex_error:   dw 0
ts_error:   dw 0
ex_ip:      dw 0
ex_cs:      dw 0
ex_flags:   dw 0
ex_sp:      dw 0
ex_cx:      dw 0
ex_di:      dw 0
passed:     dd 0
passed2:    dd 0
scratch:    dd 0
scratch2:   dd 0
inner_ss:   dw 0
inner_sp:   dw 0
outer_sp:   dw 0
outer_ss:   dw 0
outer_cs:   dw 0
GUEST_END:
