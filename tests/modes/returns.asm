; returns.asm: what a translator takes for granted about calls and returns, and must not: returns that go elsewhere, stacks
; that change, indirect targets that change, callers and callees whose pages change, calls that only read the program counter.
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
STACK   equ 0x70000
STACK2  equ 0x68000                     ; the coroutine's
PAGE_DIR equ 0x100000
PAGE_TAB equ 0x101000                   ; of the 4 MiB from WINDOW on
FRAMES  equ 0x200000                    ; physical: pages of code, in this order
WINDOW  equ 0x40000000                  ; linear: the same pages, page by page
PTE     equ PAGE_TAB + 0
MANY    equ 3000                        ; more than an optimization may take before it gives up

; PAGE n: physical frame n of FRAMES at page n of WINDOW
%macro MAP 2                            ; page, frame: and tell the TLB
    mov dword [PTE + (%1) * 4], FRAMES + (%2) * 4096 + 3
    invlpg [WINDOW + (%1) * 4096]
%endmacro

main:
    TO_32_BITS KCODE
    LOAD_SEGMENTS KDATA
    mov esp, STACK
    call set_up_paging
    mov eax, WINDOW
    call eax
    call jumps
    call coroutines
    call indirect
    call read_pc
    call remapped
    call interrupted
    FINISH

set_up_paging:
    mov edi, PAGE_DIR
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [PAGE_DIR], 0x000083      ; 4 MiB by a large page
    mov dword [PAGE_DIR + (WINDOW >> 22) * 4], PAGE_TAB | 3
    mov edi, PTE
    mov eax, FRAMES + 3
    mov ecx, 16
.next:
    stosd
    add eax, 4096
    loop .next
    PAGING_ON PAGE_DIR
    mov esi, elsewhere                  ; frame 0
    mov edi, FRAMES
    mov ecx, elsewhere_end - elsewhere
    rep movsb
    ret

; ---- Returns to other places. At WINDOW: pages 0 to 3 ----

; Each calls `leave_by` with the distance from the call's own return address, and counts in EBX where it arrives.
elsewhere:
    mov esi, esp
    xor ebx, ebx
    mov eax, 1
    call .leave_by
    inc ebx                             ; one byte: left out
    mov [result], ebx
    mov eax, -(.after_back - .before)
    jmp .back
.before:
    add ebx, 0x100
    jmp .was_back
.back:
    call .leave_by
.after_back:
    inc ebx
.was_back:
    mov [result + 4], ebx
    xor ebx, ebx
    mov eax, 4096
    call .leave_by
.page_before:
    inc ebx
    times 4096 - 3 nop
    jmp short .over
.over:                                  ; .page_before + 4096
    add ebx, 0x10
    mov [result + 8], ebx
    cmp esp, esi
    setne [result + 12]
    ret
.leave_by:
    add [esp], eax
    ret
elsewhere_end:

jumps:
    EXPECT [result], 0, "a return one byte further"
    EXPECT [result + 4], 0x100, "a return some bytes back"
    EXPECT [result + 8], 0x10, "a return a page further"
    EXPECT [result + 12], 0, "ESP"
    mov dword [count], 0
    mov dword [left], MANY
.again:                                 ; frames are left without returns from them
    mov [saved_esp], esp
    mov ecx, 7
    call .deeper
    inc dword [count + 4]               ; not reached
.landed:
    inc dword [count]
    dec dword [left]
    jnz .again
    EXPECT [count], MANY, "long jumps"
    EXPECT [count + 4], 0, "long jumps: none returned"
    mov dword [count], 0
    mov dword [left], MANY
.unwind:                                ; the same, and on with a return of a frame that was there before
    call .middle
    inc dword [count]
    dec dword [left]
    jnz .unwind
    EXPECT [count], MANY, "long jumps to the middle"
    ret
.deeper:
    dec ecx
    jz .jump
    call .deeper
    ret
.jump:
    mov esp, [saved_esp]
    jmp .landed
.middle:
    mov ebp, esp
    mov ecx, 5
    call .deeper2
.unreached:
    inc dword [count + 4]
.deeper2:
    dec ecx
    jz .jump2
    call .deeper2
    inc dword [count + 4]
.jump2:
    mov esp, ebp
    ret

; ---- Two stacks that take turns ----

coroutines:
    mov dword [other_esp], STACK2 - 4
    mov dword [STACK2 - 4], .second
    mov dword [count], 0
    mov ecx, MANY
.first:
    call .deep_switch
    add dword [count], 1
    loop .first
    EXPECT [count], MANY * 0x10001, "coroutines"
    ret
.second:
    add dword [count], 0x10000
    call .switch
    jmp .second
.deep_switch:
    call .switch
    ret
.switch:
    xchg esp, [other_esp]
    ret

; ---- Indirect calls whose targets change late ----

indirect:
    mov dword [count], 0
    mov esi, 0
.next:
    mov eax, esi                        ; the first 1000 go to one place, then to two, then to 32
    cmp esi, 1000
    jae .two
    xor eax, eax
.two:
    cmp esi, 2000
    jae .all
    and eax, 1
.all:
    and eax, 31
    lea eax, [.targets + eax * 8]
    call eax
    inc esi
    cmp esi, MANY
    jb .next
    ; 500 times target 1, then 1000 of 0..31 in turn from 2000 = 16 mod 32 on
    xor edx, edx
    mov eax, 500
    mov esi, 2000
.sum:
    mov ecx, esi
    and ecx, 31
    add eax, ecx
    inc esi
    cmp esi, MANY
    jb .sum
    mov [want], eax
    mov eax, [want]
    sub eax, [count]
    EXPECT eax, 0, "indirect calls"
    ret
align 8
.targets:
%assign n 0
%rep 32
    add dword [count], byte n           ; 7 bytes
    ret
  %assign n n + 1
%endrep

; ---- Calls that only read the program counter ----

%macro THUNK 2
align 4
%1:
    mov %2, [esp]
    ret
%endmacro
; READS thunk, register, "name": the register, the stack and what lies below it
%macro READS 3
    mov edi, esp
    mov dword [esp - 4], 0
    stc
    call %1
%%here:
    mov edx, [esp - 4]
    setc [count]
    mov [want], %2
    sub edi, esp
    EXPECT [want], %%here, {%3, ": the address"}
    EXPECT edx, %%here, {%3, ": on the stack"}
    EXPECT edi, 0, {%3, ": ESP"}
%endmacro
read_pc:
    mov dword [count], 0
    READS read_eax, eax, "EAX"
    EXPECT [count], 1, "flags"
    READS read_ecx, ecx, "ECX"
    READS read_ebx, ebx, "EBX"
    READS read_ebp, ebp, "EBP"
    READS read_esi, esi, "ESI"
    mov ebx, 0
    call read_edi
.di:
    EXPECT edi, .di, "EDI"
    call read_esp                       ; mov esp, [esp]; ret: returns by what it finds at this address
    EXPECT esp, STACK - 4, "ESP is no such register"
    mov byte [read_ebx + 1], 0x0C       ; mov ecx, [esp]
    mov ebx, 5
    call read_ebx
.changed:
    EXPECT ecx, .changed, "another register now"
    EXPECT ebx, 5, "and not the one before"
    mov byte [read_ebx + 1], 0x1C
    ; far away: page 5 of the window calls page 6, whose frame changes
    mov esi, far_reader
    mov edi, FRAMES + 5 * 4096
    mov ecx, far_reader_end - far_reader
    rep movsb
    mov dword [FRAMES + 6 * 4096 + 0xFFC], 0xC3241C8B   ; mov ebx, [esp]; ret, up to the page's end
    mov dword [FRAMES + 7 * 4096 + 0xFFC], 0xC3241C8B   ; the same
    mov dword [FRAMES + 8 * 4096 + 0xFFC], 0xC3907AB3   ; mov bl, 0x7A; nop; ret
    mov ecx, 40
.far:
    mov eax, WINDOW + 5 * 4096
    call eax
    loop .far
    EXPECT ebx, WINDOW + 5 * 4096 + far_reader.here - far_reader, "in another page"
    MAP 6, 7
    xor ebx, ebx
    call eax
    EXPECT ebx, WINDOW + 5 * 4096 + far_reader.here - far_reader, "in another page with the same code"
    MAP 6, 8
    mov ebx, 0
    call eax
    EXPECT ebx, 0x7A, "in another page with other code"
    MAP 6, 6
    mov ecx, 40
.far2:
    call eax
    loop .far2
    EXPECT ebx, WINDOW + 5 * 4096 + far_reader.here - far_reader, "in the first page again"
    mov dword [FRAMES + 6 * 4096 + 0xFFC], 0xC3907AB3
    mov ebx, 0
    call eax
    EXPECT ebx, 0x7A, "written by its physical address"
    mov dword [WINDOW + 6 * 4096 + 0xFFC], 0xC3241C8B
    call eax
    EXPECT ebx, WINDOW + 5 * 4096 + far_reader.here - far_reader, "and back by its linear one"
    mov dword [PTE + 6 * 4], 0          ; without telling: the TLB may know it still
    mov ecx, cr3
    mov cr3, ecx
    call eax                            ; a fault brings it back
    EXPECT ebx, WINDOW + 5 * 4096 + far_reader.here - far_reader, "absent and brought back"
    EXPECT [faults], 1, "one fault"
    EXPECT [fault_eip], WINDOW + 6 * 4096 + 0xFFC, "at the routine"
    ret
    THUNK read_eax, eax
    THUNK read_ecx, ecx
    THUNK read_ebx, ebx
    THUNK read_ebp, ebp
    THUNK read_esi, esi
    THUNK read_edi, edi
align 4
read_esp:
    mov [saved_eax], eax
    mov eax, [esp]
    mov [STACK - 0x1000], eax
    mov eax, esp
    mov [saved_esp], eax
    mov dword [esp], STACK - 0x1000
    call .real
.real_back:
    ret
.real:
    lea esp, [esp + 4]                  ; what the call pushed
    jmp .code
align 4
.code:
    mov esp, [esp]                      ; 8B 24 24
    pop eax
    mov esp, [saved_esp]
    add esp, 4
    push eax
    mov eax, [saved_eax]
    ret

far_reader:
    call far_reader + 4096 + 0xFFC      ; the next page's last four bytes
.here:
    ret
far_reader_end:

; ---- Pages change between a call and its return, and under a known target ----

%macro RETURNS 1                        ; mov eax, n; ret
    db 0xB8
    dd %1
    db 0xC3
%endmacro
remapped:
    mov esi, callees                    ; frames 10, 11, 12: the same routine with other answers
    mov edi, FRAMES + 10 * 4096
    mov ecx, 6
    rep movsb
    mov edi, FRAMES + 11 * 4096
    mov ecx, 6
    rep movsb
    mov edi, FRAMES + 12 * 4096
    mov ecx, 6
    rep movsb
    mov esi, far_caller                 ; frame 9 calls page 10; frame 13 is another such page
    mov edi, FRAMES + 9 * 4096
    mov ecx, far_caller_end - far_caller
    rep movsb
    mov esi, far_caller
    mov edi, FRAMES + 13 * 4096
    mov ecx, far_caller_end - far_caller
    rep movsb
    mov dword [FRAMES + 13 * 4096 + far_caller.answer + 1 - far_caller], 0x2000
    mov dword [count], 0
    mov ebp, MANY / 10
.next:
    MAP 10, 10
    call .both
    MAP 10, 11
    call .both
    MAP 10, 12
    call .both
    mov dword [PTE + 10 * 4], FRAMES + 11 * 4096 + 3
    mov eax, cr3
    mov cr3, eax
    call .both
    dec ebp
    jnz .next
    EXPECT [count], (1 + 2 + 3 + 2) * 0x1001 * (MANY / 10), "callees in other frames"
    ; the caller's page changes while it waits
    mov dword [FRAMES + 10 * 4096], 0x90909090
    mov byte [FRAMES + 10 * 4096], 0xFF                 ; jmp [edx + 0]
    mov byte [FRAMES + 10 * 4096 + 1], 0x22
    mov dword [hook], .swap
    MAP 10, 10
    MAP 9, 9
    mov edx, hook
    mov eax, WINDOW + 9 * 4096
    call eax
    EXPECT eax, 0x2000, "a caller in another frame when its callee returns"
    MAP 9, 9
    mov dword [hook], .keep
    mov edx, hook
    mov eax, WINDOW + 9 * 4096
    call eax
    EXPECT eax, 0x1000, "a caller in the frame it was"
    ret
.both:
    mov eax, WINDOW + 10 * 4096
    call eax
    add [count], eax
    mov eax, WINDOW + 9 * 4096
    call eax
    shl edx, 12
    add [count], edx
    ret
.swap:
    MAP 9, 13
.keep:
    ret
callees:
    RETURNS 1
    RETURNS 2
    RETURNS 3
far_caller:
    call far_caller + 4096
    mov edx, eax
.answer:
    mov eax, 0x1000
    ret
far_caller_end:

; ---- Loops over pages, which only the timer's interrupt ends ----

; UNTIL_TICKS label of the loop's body, "name"
%macro UNTIL_TICKS 2
    mov dword [ticks], 0
    mov dword [done], %%out
    sti
    jmp %1
%%out:
    cli
    EXPECT [count], 0, %2
%endmacro
interrupted:
    PIC_AT_50H
    TIMER_1KHZ
    mov al, 0xFE
    out 0x21, al
    mov dword [count], 0
    mov esi, hop                        ; pages 1 to 3 hop backward and forward
    mov edi, FRAMES + 1 * 4096
    mov ecx, hop_end - hop
    rep movsb
    mov esi, hop
    mov edi, FRAMES + 2 * 4096
    mov ecx, hop_end - hop
    rep movsb
    mov byte [FRAMES + 2 * 4096 + hop.other - hop], 0xE9
    mov dword [FRAMES + 2 * 4096 + hop.other - hop + 1], -4096 - (hop.other - hop + 5)
    MAP 1, 1
    MAP 2, 2
    UNTIL_TICKS .pages, "an interrupt between jumps to other pages"
    UNTIL_TICKS .one_target, "an interrupt between indirect jumps"
    mov ebx, 0
    UNTIL_TICKS .targets, "an interrupt between indirect jumps to many places"
    UNTIL_TICKS .calls, "an interrupt between calls"
    UNTIL_TICKS .indirect_calls, "an interrupt between indirect calls"
    mov al, 0xFF
    out 0x21, al
    ret
.pages:
    mov eax, WINDOW + 1 * 4096          ; they leave by [done]
    jmp eax
.one_target:
    cmp dword [ticks], 3
    jae .end
    mov eax, .one_target
    jmp eax
.targets:
    cmp dword [ticks], 3
    jae .end
    inc ebx
    and ebx, 15
    lea eax, [.table + ebx * 8]
    jmp eax
align 8
.table:
%rep 16
    jmp near .targets
    times 3 nop
%endrep
.calls:
    call .nothing
    cmp dword [ticks], 3
    jb .calls
.end:
    jmp [done]
.indirect_calls:
    mov eax, .nothing
    call eax
    cmp dword [ticks], 3
    jb .indirect_calls
    jmp [done]
.nothing:
    ret
hop:
    cmp dword [ticks], 3
    jb .other
    jmp [done]
.other:
    jmp near hop + 4096
hop_end:

on_timer:
    push eax
    inc dword [ticks]
    mov al, 0x20
    out 0x20, al
    pop eax
    iretd

; ---- A page fault brings the page that belongs there ----

on_page_fault:
    pushad
    inc dword [faults]
    mov eax, [esp + 36]
    mov [fault_eip], eax
    mov eax, cr2
    sub eax, WINDOW
    shr eax, 12
    mov ecx, eax
    shl ecx, 12
    add ecx, FRAMES + 3
    mov [PTE + eax * 4], ecx
    popad
    add esp, 4
    iretd

    FLAT_GDT
idt_ptr: dw 0x51 * 8 - 1
    dd idt
align 8
idt:
    times 14 dq 0
    GATE KCODE, on_page_fault, 0x8E
    times 0x50 - 15 dq 0
    GATE KCODE, on_timer, 0x8E
align 4
result: dd 0, 0, 0, 0
count: dd 0, 0
left: dd 0
want: dd 0
saved_esp: dd 0
saved_eax: dd 0
other_esp: dd 0
hook: dd 0
faults: dd 0
ticks: dd 0
done: dd 0
fault_eip: dd 0
GUEST_END equ $
