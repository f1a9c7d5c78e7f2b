; nano.asm: what single privileged operations cost, in cycles of the time stamp counter, as a ring-0 guest of its own.
;
; After section 6.3 of Adams and Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization",
; ASPLOS 2006. A Multiboot kernel with explicit addresses. Each row of `rows` is a loop around one operation. A line per
; row goes to the first serial port: name, best and median repetition in hundredths of a cycle per operation, less the
; loop around it. Ends at the debug exit port F4h (exit code 33). "end" is the last line.
;
; Code lies in 1 MiB.., all that is written in 2 MiB..: a translator need not watch code for the data next to it.
bits 32
org 0x100000
load:
    align 4
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, load, load_end, load_end, start

KCODE equ 0x08                          ; this order is what SYSENTER and SYSEXIT want
KDATA equ 0x10
UCODE equ 0x18 | 3
UDATA equ 0x20 | 3                      ; DS and ES in both rings
TSS   equ 0x28

PAGE_DIR   equ 0x200000
PAGE_DIR2  equ 0x201000                 ; the same, for CR3 writes that change something
PAGE_TABLE equ 0x202000                 ; of WINDOW
IDT        equ 0x203000
TSS_AT     equ 0x204000
VARS       equ 0x205000
STACK      equ 0x208000                 ; tops: main, ring 0 from ring 3, ring 3
STACK0     equ 0x20A000
STACK3     equ 0x20C000
FRAMES     equ 0x400000                 ; 4 MiB behind WINDOW
WINDOW     equ 0x40000000
IOAPIC     equ 0xFEC00000
LAPIC      equ 0xFEE00000
ABSENT     equ 0x50000000               ; no page there

ITERATIONS equ 1000
UNROLL     equ 32                       ; of operations that cost little more than a loop: what subtracting the empty
                                        ; one does not take away, or takes away twice, is spread over them
PAGES      equ 1000                     ; that "hidden" touches: one per iteration
MIN_REPS   equ 5
MAX_REPS   equ 31
BUDGET     equ 40000000                 ; cycles that one row may take, once it has MIN_REPS

struc var
.saved_esp:  resd 1
.start:      resd 2
.spent:      resd 1
.base:       resd 1                     ; cycles of the empty loop
.gdt_ptr:    resd 2
.sink:       resd 1
.times:      resd MAX_REPS
endstruc
%define V(name) VARS + var. %+ name

; ---- Tables ----

align 8
gdt:
    dq 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF
    dw 103, TSS_AT & 0xFFFF
    db TSS_AT >> 16, 0x89, 0, 0
gdt_end:
gdt_ptr: dw gdt_end - gdt - 1
    dd gdt
idt_ptr: dw 256 * 8 - 1
    dd IDT

; name, the loop, what to do before each repetition (not timed) or 0, operations in an iteration, CPUID.1:EDX bits needed
%macro ROW 2-5 0, 1, 0
    [section .names align=1]
%%name: db %1, 0
    __?SECT?__
    dd %%name, %2, %3, %4, %5
%endmacro
ROW_SIZE equ 20
FEATURE_SEP equ 1 << 11
FEATURE_APIC equ 1 << 9
section .names follows=.text align=1
section .text
align 4
rows:
    ROW "callret", callret, 0, UNROLL
    ROW "call_indirect", call_indirect, 0, UNROLL
    ROW "syscall_int80", syscall_int80
    ROW "syscall_sysenter", syscall_sysenter, 0, 1, FEATURE_SEP
    ROW "in", in_post, 0, UNROLL
    ROW "out", out_post, 0, UNROLL
    ROW "out_pic", out_pic, 0, UNROLL
    ROW "cr3_same", cr3_same
    ROW "cr3_other", cr3_other, 0, 2
    ROW "pgfault_true", pgfault_true
    ROW "pgfault_hidden", pgfault_hidden, hide_pages
    ROW "divzero", divzero
    ROW "ptemod", ptemod, map_pages, UNROLL
    ROW "pte_invlpg", pte_invlpg, map_pages
    ROW "cli_sti", cli_sti, 0, UNROLL
    ROW "pushf_popf", pushf_popf, 0, UNROLL
    ROW "cpuid", cpuid_leaf1, 0, UNROLL
    ROW "rdtsc", read_tsc, 0, UNROLL
    ROW "lgdt", load_gdt, 0, UNROLL
    ROW "load_es", load_es, 0, UNROLL
    ROW "int_iret_ring0", int_iret
    ROW "mmio_write", mmio_write, 0, UNROLL, FEATURE_APIC
    ROW "tpr_write", tpr_write, 0, UNROLL, FEATURE_APIC
    ROW "self_interrupt", self_interrupt, 0, 1, FEATURE_APIC
rows_end:

; ---- Setting up ----

start:
    cli
    cld
    mov esp, STACK
    lgdt [gdt_ptr]
    jmp KCODE:.here
.here:
    mov eax, KDATA
    mov ss, eax
    mov eax, UDATA
    mov ds, eax
    mov es, eax
    mov al, 0xFF                        ; no interrupt but our own
    out 0x21, al
    out 0xA1, al
    mov edi, PAGE_DIR
    mov ecx, (STACK - PAGE_DIR) / 4
    xor eax, eax
    rep stosd
    call set_up_paging
    call set_up_idt
    mov dword [TSS_AT + 4], STACK0
    mov dword [TSS_AT + 8], KDATA
    mov eax, TSS
    ltr ax
    mov eax, 1
    cpuid
    mov ebp, edx
    test ebp, FEATURE_SEP
    jz .no_sep
    mov ecx, 0x174
    mov eax, KCODE
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, STACK0
    wrmsr
    inc ecx
    mov eax, sysenter_entry
    wrmsr
.no_sep:
    test ebp, FEATURE_APIC
    jz .no_apic
    or dword [LAPIC + 0xF0], 0x100      ; software enable
    mov dword [LAPIC + 0x80], 0
.no_apic:
    mov esi, empty_row
    call time_row
    mov [V(base)], eax
    mov esi, rows
.next:
    mov eax, [esi + 16]
    and eax, ebp
    cmp eax, [esi + 16]
    jne .skip
    call time_row
    call print_row
.skip:
    add esi, ROW_SIZE
    cmp esi, rows_end
    jb .next
    mov edi, end_text
    call print
    mov dx, 0xF4
    mov al, 0x10
    out dx, al
.stay:
    hlt
    jmp .stay
end_text: db "end", 10, 0
align 4
empty_row: dd 0, empty, 0, 1, 0

; 16 MiB of RAM and the APICs by large pages, WINDOW by small ones; everything for ring 3 too.
set_up_paging:
    mov edi, PAGE_DIR
    mov eax, 0x87
.large:
    mov [edi], eax
    add edi, 4
    add eax, 0x400000
    cmp eax, 0x1000087
    jb .large
    mov dword [PAGE_DIR + (IOAPIC >> 22) * 4], IOAPIC | 0x9F
    mov dword [PAGE_DIR + (WINDOW >> 22) * 4], PAGE_TABLE | 7
    mov esi, PAGE_DIR
    mov edi, PAGE_DIR2
    mov ecx, 1024
    rep movsd
    mov eax, cr4
    or eax, 0x10                        ; PSE
    mov cr4, eax
    mov eax, PAGE_DIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000                  ; PG, WP
    mov cr0, eax
    jmp .flush
.flush:
    ret

; gate VECTOR, HANDLER, access
%macro GATE 3
    mov dword [IDT + %1 * 8], KCODE << 16 | ((%2 - load) & 0xFFFF)
    mov dword [IDT + %1 * 8 + 4], (0x100000 & 0xFFFF0000) | %3 << 8
%endmacro
set_up_idt:
    GATE 0, on_divide, 0x8E
    GATE 14, on_page_fault, 0x8E
    GATE 0x30, on_own_interrupt, 0x8E
    GATE 0x31, on_int, 0x8E
    GATE 0x80, on_int, 0xEE
    GATE 0x81, on_leave_ring3, 0xEE
    lidt [idt_ptr]
    ret

; ---- Timing ----

; ESI row; returns EAX = best cycles, EDX = median of one repetition. Keeps ESI and EBP.
time_row:
    mov dword [V(spent)], 0
    xor ebx, ebx                        ; repetitions
.repeat:
    mov eax, [esi + 8]
    test eax, eax
    jz .prepared
    pusha
    call eax
    popa
.prepared:
    pusha
    mov ebx, [esi + 4]
    rdtsc
    mov [V(start)], eax
    mov [V(start) + 4], edx
    call ebx
    rdtsc
    sub eax, [V(start)]
    sbb edx, [V(start) + 4]
    jz .short
    or eax, -1
.short:
    mov [V(sink)], eax
    popa
    mov eax, [V(sink)]
    mov [V(times) + ebx * 4], eax
    inc ebx
    add [V(spent)], eax
    jc .enough
    cmp ebx, MIN_REPS
    jb .repeat
    cmp dword [V(spent)], BUDGET
    ja .enough
    cmp ebx, MAX_REPS
    jb .repeat
.enough:
    mov ecx, 1                          ; insertion sort
.sort:
    cmp ecx, ebx
    jae .sorted
    mov edx, ecx
    mov eax, [V(times) + ecx * 4]
.sift:
    cmp eax, [V(times) + edx * 4 - 4]
    jae .placed
    mov edi, [V(times) + edx * 4 - 4]
    mov [V(times) + edx * 4], edi
    dec edx
    jnz .sift
.placed:
    mov [V(times) + edx * 4], eax
    inc ecx
    jmp .sort
.sorted:
    shr ebx, 1
    mov edx, [V(times) + ebx * 4]
    mov eax, [V(times)]
    ret

; ESI row, EAX best, EDX median
print_row:
    pusha
    mov edi, [esi]
    call print
    call print_time
    mov eax, edx
    call print_time
    mov al, 10
    call print_char
    popa
    ret

; " " and EAX cycles of a repetition as hundredths of a cycle an operation. ESI row; EDX kept.
print_time:
    push edx
    push eax
    mov al, ' '
    call print_char
    pop eax
    sub eax, [V(base)]
    jnc .positive
    xor eax, eax
.positive:
    mov ecx, 100
    mul ecx
    mov ecx, [esi + 12]
    imul ecx, ITERATIONS
    div ecx
    call print_number
    pop edx
    ret

%include "print.inc"

; ---- Loops: each may lose every register but ESP ----

%macro LOOP_BEGIN 0
    mov ebp, ITERATIONS
    align 16
%%top:
  %push loop
  %define %$top %%top
%endmacro
%macro LOOP_END 0
    dec ebp
    jnz %$top
  %pop
    ret
%endmacro

empty:
    LOOP_BEGIN
    LOOP_END

callret:
    LOOP_BEGIN
  %rep UNROLL
    call nothing
  %endrep
    LOOP_END
    align 16
nothing:
    ret

call_indirect:
    mov ebx, nothing
    LOOP_BEGIN
  %rep UNROLL
    call ebx
  %endrep
    LOOP_END

in_post:
    LOOP_BEGIN
  %rep UNROLL
    in al, 0x80
  %endrep
    LOOP_END

out_post:
    LOOP_BEGIN
  %rep UNROLL
    out 0x80, al
  %endrep
    LOOP_END

out_pic:
    mov al, 0xFF
    LOOP_BEGIN
  %rep UNROLL
    out 0x21, al
  %endrep
    LOOP_END

cr3_same:
    mov eax, PAGE_DIR
    LOOP_BEGIN
    mov cr3, eax
    LOOP_END

; To another space and back, a store in each.
cr3_other:
    mov eax, PAGE_DIR
    mov ebx, PAGE_DIR2
    LOOP_BEGIN
    mov cr3, ebx
    mov [V(sink)], eax
    mov cr3, eax
    mov [V(sink)], ebx
    LOOP_END

pgfault_true:
    LOOP_BEGIN
    mov eax, [ABSENT]                   ; 5 bytes, which the handler skips
    LOOP_END

; Stores to pages that the guest's tables allow and nobody has touched yet.
pgfault_hidden:
    mov edi, WINDOW
    LOOP_BEGIN
    mov [edi], ebp
    add edi, 4096
    LOOP_END
hide_pages:
    mov edi, PAGE_TABLE
    xor eax, eax
    mov ecx, 1024
    rep stosd
    mov eax, cr3
    mov cr3, eax
    ; falls through
map_pages:                              ; accessed and dirty are clear
    mov edi, PAGE_TABLE
    mov eax, FRAMES | 7
    mov ecx, PAGES
.next:
    stosd
    add eax, 4096
    loop .next
    ret

divzero:
    xor ebx, ebx
    LOOP_BEGIN
    div ebx                             ; 2 bytes, which the handler skips
    LOOP_END

; An available bit of an entry that was used.
ptemod:
    mov [WINDOW], eax
    LOOP_BEGIN
  %rep UNROLL
    xor dword [PAGE_TABLE], 0x200
  %endrep
    LOOP_END

; The page shows another frame from now on.
pte_invlpg:
    LOOP_BEGIN
    xor dword [PAGE_TABLE], 0x1000
    invlpg [WINDOW]
    mov eax, [WINDOW]
    LOOP_END

cli_sti:
    LOOP_BEGIN
  %rep UNROLL
    sti
    nop
    cli
  %endrep
    LOOP_END

pushf_popf:
    LOOP_BEGIN
  %rep UNROLL
    pushf
    popf
  %endrep
    LOOP_END

cpuid_leaf1:
    LOOP_BEGIN
  %rep UNROLL
    mov eax, 1
    cpuid
  %endrep
    LOOP_END

read_tsc:
    LOOP_BEGIN
  %rep UNROLL
    rdtsc
  %endrep
    LOOP_END

load_gdt:
    LOOP_BEGIN
  %rep UNROLL
    lgdt [gdt_ptr]
  %endrep
    LOOP_END

load_es:
    mov eax, UDATA
    LOOP_BEGIN
  %rep UNROLL
    mov es, eax
  %endrep
    LOOP_END

int_iret:
    LOOP_BEGIN
    int 0x31
    LOOP_END

; The I/O APIC's register select.
mmio_write:
    LOOP_BEGIN
  %rep UNROLL
    mov dword [IOAPIC], 0
  %endrep
    LOOP_END

tpr_write:
    LOOP_BEGIN
  %rep UNROLL
    mov dword [LAPIC + 0x80], 0
  %endrep
    LOOP_END

; An interrupt through the local APIC, from the write that asks for it to the return from its handler.
self_interrupt:
    sti
    LOOP_BEGIN
    mov dword [LAPIC + 0x300], 0x00044030
    nop
    LOOP_END

; ---- Ring 3 ----

; ring3 LOOP: runs it at CPL 3; it ends with INT 81h.
%macro RING3 1
    mov [V(saved_esp)], esp
    push UDATA
    push STACK3
    push 2
    push UCODE
    push %1
    iret
%endmacro

syscall_int80:
    RING3 .user
.user:
    mov ebp, ITERATIONS
    align 16
.next:
    int 0x80
    dec ebp
    jnz .next
    int 0x81

syscall_sysenter:
    RING3 .user
.user:
    mov ebp, ITERATIONS
    align 16
.next:
    mov ecx, esp
    mov edx, .back
    sysenter
.back:
    dec ebp
    jnz .next
    int 0x81

; ---- Handlers ----

    align 16
sysenter_entry:
    sysexit

    align 16
on_int:
    iret

    align 16
on_leave_ring3:
    mov esp, [V(saved_esp)]
    ret

    align 16
on_divide:
    add dword [esp], 2
    iret

    align 16
on_page_fault:
    add esp, 4
    add dword [esp], 5
    iret

    align 16
on_own_interrupt:
    mov dword [LAPIC + 0xB0], 0
    iret

section .names
load_end:
