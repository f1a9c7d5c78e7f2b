; aliases.asm: the same code at many linear addresses, as address space randomization does it: a translator that reuses
; its work must not mix the addresses up. What can show an address: pushed return addresses, saved EIPs of faults and
; interrupts, targets of branches into other pages; and then the code changes, or another page takes its place.
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
STACK   equ 0x70000
PAGE_DIR equ 0x100000
PAGE_TAB equ 0x101000                   ; of the 4 MiB from ALIASES on
CODE    equ 0x200000                    ; physical: two pages
OTHER   equ 0x210000                    ; other code
ALIASES equ 0x40000000
COUNT   equ 48
STRIDE  equ 0x4000                      ; two pages of code and two that are absent
NOWHERE equ 0x50000000

main:
    TO_32_BITS KCODE
    LOAD_SEGMENTS KDATA
    mov esp, STACK
    mov esi, piece
    mov edi, CODE
    mov ecx, piece_end - piece
    rep movsb
    mov esi, other
    mov edi, OTHER
    mov ecx, other_end - other
    rep movsb
    call set_up_paging
    mov dword [expected], 1
    call run_all
    EXPECT [bad], 0, "each address: first time"
    EXPECT [runs], COUNT, "each address: has run"
    call run_all
    call run_all
    EXPECT [bad], 0, "each address: again"
    EXPECT [runs], 3 * COUNT, "each address: has run again"
    mov dword [CODE + piece.constant + 1 - piece], 2
    mov dword [expected], 2
    call run_all
    EXPECT [bad], 0, "code written at its physical address: all addresses see it"
    mov dword [ALIASES + 5 * STRIDE + piece.constant + 1 - piece], 3
    mov dword [expected], 3
    call run_all
    EXPECT [bad], 0, "code written by an alias: all addresses see it"
    mov dword [PAGE_TAB + 3 * STRIDE / 4096 * 4], OTHER | 3
    invlpg [ALIASES + 3 * STRIDE]
    mov ebx, ALIASES + 3 * STRIDE
    call ebx
    EXPECT eax, 77, "another page in its place"
    mov dword [PAGE_TAB + 3 * STRIDE / 4096 * 4], CODE | 3
    mov eax, cr3
    mov cr3, eax
    call run_all
    EXPECT [bad], 0, "and back"
    mov dword [PAGE_TAB + (7 * STRIDE / 4096 + 1) * 4], (OTHER + 0x1000) | 3
    invlpg [ALIASES + 7 * STRIDE + 0x1000]
    mov ebx, ALIASES + 7 * STRIDE
    call ebx
    EXPECT eax, 1 << 16, "another second page"
    FINISH

; Runs the piece at every address; its errors are added up in [bad].
run_all:
    mov dword [bad], 0
    mov ebx, ALIASES
.next:
    mov ebp, esp
    call ebx
    add [bad], eax
    cmp ebp, esp
    je .balanced
    inc dword [bad]
.balanced:
    inc dword [runs]
    add ebx, STRIDE
    cmp ebx, ALIASES + COUNT * STRIDE
    jb .next
    ret

set_up_paging:
    mov edi, PAGE_DIR
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [PAGE_DIR], 0x000083      ; 4 MiB by a large page
    mov dword [PAGE_DIR + (ALIASES >> 22) * 4], PAGE_TAB | 3
    mov edi, PAGE_TAB
    mov ecx, COUNT
.next:
    mov dword [edi], CODE | 3
    mov dword [edi + 4], (CODE + 0x1000) | 3
    add edi, STRIDE / 4096 * 4
    loop .next
    PAGING_ON PAGE_DIR
    ret

; ---- Handlers: they note EIP and go on behind the instruction ----

%macro NOTE 2                           ; bytes of error code, length of the instruction
    push eax
    mov eax, [esp + 4 + %1]
    mov [saved_eip], eax
    add eax, %2
    mov [esp + 4 + %1], eax
    pop eax
  %if %1
    add esp, %1
  %endif
    iret
%endmacro
on_divide: NOTE 0, 2
on_undefined: NOTE 0, 2
on_page_fault: NOTE 4, 5
on_int: NOTE 0, 0

; ---- The piece: EBX is where it is; EAX returns its errors ----

; ESI counts what is not at `label`'s address.
%macro AT 2                             ; value, label
    mov eax, %1
    sub eax, ebx
    sub eax, %2 - piece
    neg eax
    sbb eax, eax
    sub esi, eax                        ; -1 if they differ
%endmacro

piece:
    push ebp
    push edi
    xor esi, esi
    call .here
.here:
    pop eax
    AT eax, .here
    mov ecx, 7
    xor edx, edx
.loop:
    add edx, ecx
    cmp ecx, 4
    je .inside                          ; a jump into the middle of what follows
    inc edx
.inside:
    dec ecx
    jnz .loop
    cmp edx, 28 + 6
    je .sum
    inc esi
.sum:
    lea eax, [ebx + .indirect - piece]
    jmp eax
    inc esi
.indirect:
    lea eax, [ebx + .sub - piece]
    call eax
.behind_call:
    AT [return_address], .behind_call
    push dword [ebx + .table - piece]
    add [esp], ebx
    call [esp]
.behind_second:
    pop eax
    AT [return_address], .behind_second
    int 0x60
.behind_int:
    AT [saved_eip], .behind_int
    xor ecx, ecx
    xor edx, edx
    stc
.div:
    div ecx
    jc .carried
    inc esi
.carried:
    AT [saved_eip], .div
.load:
    mov eax, [NOWHERE]                  ; A1: five bytes
    AT [saved_eip], .load
.undefined:
    ud2
    AT [saved_eip], .undefined
    mov edi, cr0                        ; what needs the monitor
    sgdt [scratch]
    in al, 0x61
    pushfd
    pop eax
.constant:
    mov edi, 1
    cmp edi, [expected]
    je .same
    inc esi
.same:
    call .second
.behind_third:
    AT [return_address], .behind_third
    mov ecx, 3
.far_loop:
    push ecx
    call .second
    pop ecx
    loop .far_loop
    mov eax, esi
    pop edi
    pop ebp
    ret
.table: dd .sub - piece
.sub:
    mov eax, [esp]
    mov [return_address], eax
    ret
    times 4096 - 3 - ($ - piece) nop
.second:
    mov eax, [esp]                      ; begins three bytes before the second page
    mov edx, eax                        ; crosses no page, but its block does
.second_page:
    mov [return_address], eax
    cmp edx, eax
    jne .wrong
    ret
.wrong:
    inc esi
    ret
piece_end:

other:
    mov eax, 77
    ret
    times 4096 - ($ - other) db 0x90
    pop eax                             ; in the place of .second_page: leaves the piece
    pop edx
    pop edx
    mov eax, 1 << 16
    ret
other_end:

    FLAT_GDT
idt_ptr: dw 0x61 * 8 - 1
    dd idt
align 8
idt:
    GATE KCODE, on_divide, 0x8E
    times 5 dq 0
    GATE KCODE, on_undefined, 0x8E
    times 7 dq 0
    GATE KCODE, on_page_fault, 0x8E
    times 0x60 - 15 dq 0
    GATE KCODE, on_int, 0x8E
align 4
bad: dd 0
runs: dd 0
expected: dd 0
saved_eip: dd 0
return_address: dd 0
scratch: dd 0, 0
GUEST_END equ $
