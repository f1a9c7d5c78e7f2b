; mode: ring0
; faults: yes
; covers: INVLPG MOV_CR_R
; Paging as ring 0 sees it: accessed and dirty bits, WP, U/S, 4-MiB pages, switches of CR3, paging off and on.
; expect read_only_wp: fault=14 error=3 cr2=0x20008000
; expect read_only_no_wp: eax=0x55
; expect accessed: eax=0x27 ebx=0x67
; expect not_present: fault=14 error=0 cr2=0x20003004
; expect big_page: eax=0xe3 edx=0x12345678
; expect cr3_switch: eax=0x11 ebx=0x22 ecx=0x11
; expect paging_off: eax=0x77 ebx=0x77
; expect fetch_not_present: fault=14 error=0 cr2=0x20005000
; expect pde_off: fault=14 error=0 cr2=0x30000000
; expect stale_without_invlpg: fault=none
; expect cross: fault=14 cr2=0x20004000 error=2
; expect fault_then_map: eax=0x99
CASE "read_only_wp"
    mov dword [RODATA], 0x55
ENDCASE
CASE "read_only_no_wp"
    mov eax, cr0
    and eax, ~0x10000
    mov cr0, eax
    mov ebx, [RODATA]
    mov dword [RODATA], 0x55
    mov eax, [RODATA]
    mov [RODATA], ebx
ENDCASE
CASE "accessed"
    mov ecx, [PT_DATA + 8]
    mov eax, ecx
    and eax, ~0x60
    mov [PT_DATA + 8], eax
    invlpg [DATA + 0x2000]
    mov edx, [DATA + 0x2000]
    mov eax, [PT_DATA + 8]
    and eax, 0x67
    mov [DATA + 0x2000], edx
    mov ebx, [PT_DATA + 8]
    and ebx, 0x67
    mov edx, 0
ENDCASE
CASE "not_present"
    and dword [PT_DATA + 12], ~1
    invlpg [DATA + 0x3000]
    mov eax, [DATA + 0x3004]
ENDCASE
CASE "big_page"
    mov dword [PAGE_DIR + 0x400], (DATA_PHYS & 0xffc00000) | 0x83
    mov dword [DATA], 0x12345678
    mov edx, [0x40000000 + (DATA_PHYS & 0x3fffff)]
    mov [0x40000000 + (DATA_PHYS & 0x3fffff)], edx
    mov eax, [PAGE_DIR + 0x400]
    and eax, 0xfff
ENDCASE
CASE "cr3_switch"
    mov dword [DATA], 0x11
    mov dword [DATA + 0x1000], 0x22
    mov esi, PAGE_DIR
    mov edi, LOW_FREE
    mov ecx, 0x400
    rep movsd
    mov esi, PT_DATA
    mov edi, LOW_FREE + 0x1000
    mov ecx, 0x400
    rep movsd
    mov dword [LOW_FREE + (DATA >> 22) * 4], (LOW_FREE + 0x1000) | 7
    mov eax, [PT_DATA + 4]
    mov [LOW_FREE + 0x1000], eax
    mov eax, [DATA]
    mov edx, LOW_FREE
    mov cr3, edx
    mov ebx, [DATA]
    mov edx, PAGE_DIR
    mov cr3, edx
    mov ecx, [DATA]
ENDCASE
CASE "paging_off"
    mov dword [DATA], 0x77
    mov edx, cr0
    mov ecx, .low + TO_PHYS
    jmp ecx
.low:
    and edx, 0x7fffffff
    mov cr0, edx
    mov eax, [DATA_PHYS]
    or edx, 0x80000000
    mov cr0, edx
    mov ebx, [DATA]
    mov ecx, .high
    jmp ecx
.high:
    xor edx, edx
    xor ecx, ecx
ENDCASE
CASE "fetch_not_present"
    mov eax, DATA + 0x5000
    jmp eax
ENDCASE
CASE "pde_off"
    mov esp, LOW_FREE + 0x1000
    mov dword [PAGE_DIR + (STACK >> 22) * 4], 0
    mov eax, cr3
    mov cr3, eax
    mov eax, [STACK]
ENDCASE
CASE "stale_without_invlpg" ; more rights take effect without INVLPG
    mov dword [PT_DATA + 4 * 4], (DATA_PHYS + 0x2000) | 7
    mov dword [DATA + 0x4000], 0x1234
    mov eax, [DATA + 0x2000]
ENDCASE
CASE "cross"
    mov dword [DATA_END - 2], 5
ENDCASE
CASE "fault_then_map" ; a handler maps the page and the instruction starts again
    mov dword [DATA], 0x99
    mov dword [IDT + 14 * 8], 0x80000 | (.handler - $$)
    mov dword [IDT + 14 * 8 + 4], CODE_BASE | 0x8e00
    mov eax, [DATA + 0x5000]
    jmp .out
.handler:
    push eax
    mov eax, [PT_DATA]
    mov [PT_DATA + 5 * 4], eax
    mov ebx, [esp + 4]
    mov ecx, cr2
    pop eax
    add esp, 4
    iret
.out:
ENDCASE
