; mode: ring0
; faults: yes
; undefined: OF SF AF PF
; covers: SGDT SIDT SLDT STR SMSW LGDT LIDT LLDT LTR LMSW CLTS INVLPG MOV_R_CR MOV_CR_R MOV_R_DR MOV_DR_R CLI STI PUSHF POPF HLT
; covers: RDMSR WRMSR CPUID RDTSC RDTSCP INVD WBINVD RSM
; Privileged instructions at ring 0; the state that they show and change.
; expect sgdt: mem[0x20000000]=0x800007ff mem[0x20000008]=0x900007ff eax=0x50 ebx=0x40
; expect smsw: eax=0x80050033 ebx=0x33 ecx=0x55550033
; expect lmsw: eax=0x8005003b ebx=0x80050033
; expect lmsw_pe: eax=0x80050033
; expect clts: eax=0x80050033
; expect nm: fault=7
; expect nm_wait: fault=7
; expect em_ud: fault=6
; expect cr2: eax=0x12345678
; expect cr3: eax=0xb000
; expect cr4: eax=0x610
; expect cr1: fault=6
; expect dr: eax=0x11111111 ebx=0x22222222 ecx=0x400 edx=0xffff0ff0
; expect dr_alias: fault=none
; expect breakpoint: ebx=0xffff0ff1 ecx=3
; expect msr: eax=0x12345670 edx=0
; expect lldt: eax=0x58
; expect lldt_bad: fault=13 error=16
; expect ltr_busy: fault=13 error=64
; expect str_after: eax=0x88
; expect rsm: fault=6
; expect flags: eax=0x46 ebx=0x3246 ecx=0x46
; expect osfxsr: fault=6
; expect invlpg: eax=0x11 ebx=0x22
CASE "sgdt"
    sgdt [DATA]
    sidt [DATA + 8]
    xor eax, eax
    xor ebx, ebx
    sldt ax
    str bx
    sldt [DATA + 16]
    str [DATA + 20]
ENDCASE
CASE "smsw"
    mov eax, 0
    smsw eax
    xor ebx, ebx
    smsw bx
    mov ecx, 0x55550000
    smsw [DATA]
    mov cx, [DATA]
ENDCASE
CASE "lmsw"
    mov eax, 0x3b           ; TS
    lmsw ax
    mov eax, cr0
    mov dword [DATA], 0x33
    lmsw [DATA]
    mov ebx, cr0
ENDCASE
CASE "lmsw_pe"              ; cannot clear PE
    xor eax, eax
    mov ax, 0x32
    lmsw ax
    mov eax, cr0
ENDCASE
CASE "clts"
    mov eax, cr0
    or eax, 8
    mov cr0, eax
    clts
    mov eax, cr0
    fld1
ENDCASE
CASE "nm"
    mov eax, cr0
    or eax, 8
    mov cr0, eax
    fld1
ENDCASE
CASE "nm_wait"              ; FWAIT minds TS with MP
    mov eax, cr0
    or eax, 8
    mov cr0, eax
    fwait
ENDCASE
CASE "nm_sse"
    mov eax, cr0
    or eax, 8
    mov cr0, eax
    addps xmm0, xmm1
ENDCASE
CASE "em_ud"
    mov eax, cr0
    or eax, 4
    mov cr0, eax
    addps xmm0, xmm1
ENDCASE
CASE "em_nm"
    mov eax, cr0
    or eax, 4
    mov cr0, eax
    fld1
ENDCASE
CASE "osfxsr"
    mov eax, 0x10
    mov cr4, eax
    addps xmm0, xmm1
ENDCASE
CASE "cr2"
    mov eax, 0x12345678
    mov cr2, eax
    xor eax, eax
    mov eax, cr2
ENDCASE
CASE "cr3"
    mov eax, cr3
    mov cr3, eax
    mov ebx, [DATA]
ENDCASE
CASE "cr4"
    mov eax, cr4
ENDCASE
CASE "cr1"
    db 0x0f, 0x20, 0xc8
ENDCASE
CASE "cr_modrm"             ; mod is ignored
    db 0x0f, 0x20, 0x18     ; mov eax, cr3
ENDCASE
CASE "dr"
    mov eax, 0x11111111
    mov dr0, eax
    mov ebx, 0x22222222
    mov dr3, ebx
    xor eax, eax
    xor ebx, ebx
    mov eax, dr0
    mov ebx, dr3
    mov ecx, 0xffff0ff0
    mov dr6, ecx
    mov ecx, dr7
    mov edx, dr6
ENDCASE
CASE "dr_alias"             ; DR4 is DR6 while CR4.DE is clear
    mov eax, dr4
    mov ebx, dr5
ENDCASE
CASE "breakpoint"
    mov eax, 0xffff0ff0
    mov dr6, eax
    mov eax, .there
    mov dr0, eax
    mov dword [IDT + 8], 0x80000 | (.handler - $$)
    mov dword [IDT + 12], (CODE_BASE & 0xffff0000) | 0x8e00
    mov eax, 0x402
    mov dr7, eax
    nop
.there:
    inc ecx
    jmp .out
.handler:
    mov ebx, dr6
    mov eax, 0x400
    mov dr7, eax
    xor eax, eax
    add esp, 12
.out:
ENDCASE
CASE "msr"
    mov ecx, 0x175          ; SYSENTER_ESP
    mov eax, 0x12345670
    xor edx, edx
    wrmsr
    xor eax, eax
    dec edx
    rdmsr
ENDCASE
CASE "lldt"
    xor eax, eax
    lldt ax                 ; a null LDT is fine until it is used
    sldt ax
    mov eax, [GDT + 0x50]
    mov [GDT + 0x58], eax
    mov eax, [GDT + 0x54]
    mov [GDT + 0x5c], eax
    mov ax, 0x58
    lldt ax
    xor eax, eax
    sldt ax
ENDCASE
CASE "lldt_bad"
    mov ax, 0x10
    lldt ax
ENDCASE
CASE "lldt_ti"
    mov ax, 0x54
    lldt ax
ENDCASE
CASE "ltr_busy"
    mov ax, 0x40
    ltr ax
ENDCASE
CASE "str_after"
    mov dword [GDT + 0x88], (LOW_FREE & 0xffff) << 16 | 0x67
    mov dword [GDT + 0x8c], 0x00008900 | LOW_FREE >> 16
    mov ax, 0x88
    ltr ax
    xor eax, eax
    str ax
    mov ebx, [GDT + 0x8c]   ; busy now
ENDCASE
CASE "lgdt"
    mov esi, GDT
    mov edi, LOW_FREE
    mov ecx, 0x200
    rep movsd
    mov word [DATA], 0x1ff
    mov dword [DATA + 2], LOW_FREE
    lgdt [DATA]
    jmp KERNEL_CS:.a
.a: mov eax, KERNEL_DS
    mov ds, ax
    mov es, ax
    sgdt [DATA + 8]
    mov ebx, [DATA + 8]
    db 0x66
    lgdt [DATA]             ; 24-bit base
    db 0x66
    sidt [DATA + 16]
ENDCASE
CASE "lidt"
    mov esi, IDT
    mov edi, LOW_FREE
    mov ecx, 0x200
    rep movsd
    mov word [DATA], 0x7ff
    mov dword [DATA + 2], LOW_FREE
    lidt [DATA]
    mov dword [LOW_FREE + 0x21 * 8], 0x80000 | (.h - $$)
    mov dword [LOW_FREE + 0x21 * 8 + 4], CODE_BASE | 0x8e00
    int 0x21
    mov ebx, 2
    jmp .out
.h: mov eax, 1
    iret
.out:
ENDCASE
CASE "flags"
    xor eax, eax
    pushf
    pop eax
    push dword 0x3246
    popf
    pushf
    pop ebx
    push dword 0x46
    popf
    pushf
    pop ecx
ENDCASE
CASE "sti_cli"
    sti
    pushf
    pop eax
    and eax, IF
    cli
    pushf
    pop ebx
    and ebx, IF
ENDCASE
CASE "cpuid"
    xor eax, eax
    cpuid
    test eax, eax
    setnz al
    and eax, 1
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
ENDCASE
CASE "rdtsc"                ; goes forward
    rdtsc
    mov esi, eax
    mov edi, edx
    rdtsc
    sub eax, esi
    sbb edx, edi
    sets bl
    xor eax, eax
    xor edx, edx
    xor esi, esi
    xor edi, edi
    and ebx, 1
ENDCASE
CASE "caches"
    wbinvd
    invd
ENDCASE
CASE "rsm"
    rsm
ENDCASE
CASE "invlpg"
    ; two frames take turns behind one linear page
    mov dword [DATA], 0x11
    mov dword [DATA + 0x1000], 0x22
    mov eax, [DATA]
    mov ecx, [PT_DATA + 4]
    xchg [PT_DATA], ecx
    invlpg [DATA]
    mov ebx, [DATA]
    xchg [PT_DATA], ecx
    invlpg [DATA]
ENDCASE
