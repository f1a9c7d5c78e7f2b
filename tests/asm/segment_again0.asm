; mode: ring0
; faults: yes
; undefined: OF SF AF PF
; covers: MOV_SREG_R POP_DS POP_ES POP_FS POP_GS LGDT
; Loads of a segment register with the selector that it has had already: the descriptor in memory decides all the same.
; expect again: eax=0x11 ebx=0x11 ecx=0x22
; expect absent: fault=11 error=0x100
; expect accessed: eax=0x93 ebx=0x93
; expect null_and_back: eax=0x11 ebx=0x11
; expect two_selectors: eax=0x11 ebx=0x22 ecx=0x11 edx=0x22
; expect popped: eax=0x11 ebx=0x22
; expect from_memory: eax=0x11 ebx=0x22 ecx=0x11 edx=0x22 ebp=0
; expect from_stack: eax=0x11 ebx=0x22 ecx=3
; expect memory_faults: fault=14 error=0 cr2=0x20004000
; expect flags_stay: eax=0x8d7
; expect other_table: eax=0x11 ebx=0x22
%include "segments.inc"

CASE "from_memory"                      ; MOV sreg, m16: what lies behind the word does not matter
    SETUP
    mov dword [DATA + 0x200], 0xffff0000 | ONE
    mov dword [DATA + 0x204], 0xffff0000 | TWO
    mov dword [DATA + 0x208], 0xffff0000
%rep 3
    mov fs, [DATA + 0x200]
    mov gs, [DATA + 0x204]
    mov eax, [fs:0]
    mov ebx, [gs:0]
    mov fs, [DATA + 0x208]
%endrep
    mov ebp, fs
    mov fs, [DATA + 0x200]
    mov ecx, [fs:0]
    mov fs, [DATA + 0x204]
    mov edx, [fs:0]
ENDCASE
CASE "from_stack"
    SETUP
    xor ecx, ecx
%rep 3
    push edi
    push esi
    mov fs, [esp]
    mov gs, [esp + 4]
    mov eax, [fs:0]
    mov ebx, [gs:0]
    add esp, 8
    inc ecx
%endrep
ENDCASE
CASE "memory_faults"
    SETUP
    mov ebx, DATA
    mov word [ebx + 0x3ffe], ONE
%rep 3
    mov fs, [ebx + 0x3ffe]
%endrep
    inc ebx
    mov fs, [ebx + 0x3ffe]
ENDCASE

CASE "again"
    SETUP
%rep 3
    mov fs, si
    mov gs, si
%endrep
    mov eax, [fs:0]
    mov ebx, [gs:0]
    DESC ONE, (DATA + 0x100)
    mov fs, si
    mov ecx, [fs:0]
    mov fs, si
    mov gs, si
ENDCASE
CASE "absent"
    SETUP
    mov es, si
    mov es, si
    and byte [GDT + ONE + 5], 0x7f
    mov es, si
ENDCASE
CASE "accessed"
    SETUP
    xor eax, eax
    xor ebx, ebx
    mov gs, si
    and byte [GDT + ONE + 5], 0xfe
    mov gs, si
    mov al, [GDT + ONE + 5]
    mov es, si
    and byte [GDT + ONE + 5], 0xfe
    mov es, si
    mov bl, [GDT + ONE + 5]
    mov ecx, KERNEL_DS
    mov es, cx
ENDCASE
CASE "null_and_back"
    SETUP
    xor ecx, ecx
%rep 3
    mov fs, si
    mov eax, [fs:0]
    mov fs, cx
    mov gs, cx
    mov gs, si
    mov ebx, [gs:0]
%endrep
    mov fs, cx
    mov edx, fs
ENDCASE
CASE "two_selectors"
    SETUP
%rep 2
    mov fs, si
    mov eax, [fs:0]
    mov fs, di
    mov ebx, [fs:0]
    mov gs, di
    mov gs, si
    mov ecx, [gs:0]
    mov gs, di
    mov edx, [gs:0]
%endrep
ENDCASE
CASE "popped"
    SETUP
%rep 2
    push esi
    push edi
    push ds
    push es
    pop es
    pop ds
    pop gs
    pop fs
    mov eax, [fs:0]
    mov ebx, [gs:0]
%endrep
    mov ecx, esp
ENDCASE
CASE "flags_stay"
    SETUP
    mov fs, si
    FLAGS CF | PF | AF | ZF | SF | OF
    mov fs, si
    mov gs, si
    push ds
    pop ds
    pushf
    pop eax
    and eax, ARITH | 2
ENDCASE
CASE "other_table"
    SETUP
    mov fs, si
    mov eax, [fs:0]
    mov ecx, 0x800 / 4
    mov esi, GDT
    mov edi, LOW_FREE
    rep movsd
    mov esi, ONE
    mov dword [LOW_FREE + ONE], ((DATA + 0x100) & 0xffff) << 16 | 0xffff
    sub esp, 8
    mov word [esp], 0x7ff
    mov dword [esp + 2], LOW_FREE
    lgdt [esp]
    mov fs, si
    mov ebx, [fs:0]
    mov dword [esp + 2], GDT
    lgdt [esp]
    add esp, 8
    xor esi, esi
    xor edi, edi
ENDCASE
