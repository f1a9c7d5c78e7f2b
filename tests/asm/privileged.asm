; mode: native
; faults: yes
; covers: CLI STI CLTS HLT INVD WBINVD INVLPG RDMSR WRMSR MOV_R_CR MOV_CR_R MOV_R_DR MOV_DR_R IN OUT INSB INSW INSD OUTSB OUTSW OUTSD
; covers: LGDT LIDT LLDT LTR LMSW INT INT3 INT1 INTO BOUND RDPMC SYSEXIT RSM
; loose int1: eip (a host that is a virtual machine itself may report a fault instead of a trap)
; What ring 3 may not do, and the software interrupts: the same exception with the same error code and EIP as on the CPU.
%macro P 2+
CASE %1
    %2
ENDCASE
%endmacro
P "cli", cli
P "sti", sti
P "clts", clts
P "hlt", hlt
P "invd", invd
P "wbinvd", wbinvd
P "invlpg", invlpg [DATA]
P "rdmsr", rdmsr
P "wrmsr", wrmsr
P "mov_eax_cr0", mov eax, cr0
P "mov_eax_cr2", mov eax, cr2
P "mov_eax_cr3", mov eax, cr3
P "mov_eax_cr4", mov eax, cr4
P "mov_cr0_eax", mov cr0, eax
P "mov_cr3_eax", mov cr3, eax
P "mov_eax_dr0", mov eax, dr0
P "mov_eax_dr7", mov eax, dr7
P "mov_dr7_eax", mov dr7, eax
P "in_al", in al, 0x60
P "in_eax_dx", in eax, dx
P "in_ax", in ax, 0x70
P "out_al", out 0x80, al
P "out_dx_ax", out dx, ax
P "insb", insb
P "insd_rep", rep insd
P "insw", insw
P "outsb", outsb
P "outsw", outsw
P "outsd_rep", rep outsd
CASE "rep_insb_zero"
    xor ecx, ecx
    rep insb
ENDCASE
P "lgdt", lgdt [DATA]
P "lidt", lidt [DATA]
P "lldt", lldt ax
P "ltr", ltr ax
P "lmsw", lmsw ax
P "int3", int3
P "int_3_long", db 0xcd, 0x03
P "int1", db 0xf1
P "int_0", int 0
P "int_5", int 5
P "int_13", int 13
P "int_21", int 0x21
P "int_ff", int 0xff
P "int_4", int 4
CASE "into_taken"
    mov al, 0x7f
    inc al
    into
ENDCASE
CASE "into_not"
    xor eax, eax
    into
ENDCASE
P "sysexit", sysexit
P "rsm", rsm
P "ud2", ud2
CASE "bound_in"
    mov dword [DATA], -5
    mov dword [DATA + 4], 100
    mov eax, -5
    bound eax, [DATA]
    mov eax, 100
    bound eax, [DATA]
    mov dword [DATA], 0x00108000
    mov ax, 0
    bound ax, [DATA]
ENDCASE
CASE "bound_low"
    mov dword [DATA], -5
    mov dword [DATA + 4], 100
    mov eax, -6
    stc
    bound eax, [DATA]
ENDCASE
CASE "bound_high"
    mov dword [DATA], -5
    mov dword [DATA + 4], 100
    mov eax, 101
    bound eax, [DATA]
ENDCASE
CASE "bound16_high"
    mov dword [DATA], 0x00108000
    mov ax, 0x11
    bound ax, [DATA]
ENDCASE
CASE "bound_page_fault"
    bound eax, [DATA_END - 4]
ENDCASE
CASE "single_step"
    push dword 0x302
    popf
    inc eax
    inc ebx
ENDCASE
CASE "single_step_jump"
    push dword 0x302
    popf
    jmp $ + 3
    nop
    nop
ENDCASE
CASE "single_step_rep"
    mov esi, DATA
    mov edi, DATA + 0x100
    mov ecx, 5
    push dword 0x302
    popf
    rep movsb
ENDCASE
CASE "single_step_pop_ss"
    push ss
    push dword 0x302
    popf
    pop ss
    inc eax
    inc ebx
ENDCASE
CASE "single_step_fault"
    push dword 0x302
    popf
    mov eax, [DATA_END]
ENDCASE
CASE "iopl_popf"
    push dword 0x3202
    popf
    pushf
    push dword 0x2
    popf
    pushf
ENDCASE
