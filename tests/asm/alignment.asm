; mode: native
; faults: yes
; Alignment checks at ring 3 with EFLAGS.AC and CR0.AM set: of translated accesses, then of callouts.
; expect alignment: fault=17 error=0
; expect alignment_word: fault=17 error=0
; expect alignment_push: fault=17 error=0
; expect ac_iret: fault=17 error=0
; expect ac_retf: fault=17 error=0
; expect ac_les: fault=17 error=0
; expect ac_fldenv: fault=17 error=0
; expect ac_fnstenv16: fault=17 error=0
; expect ac_movs_rep: fault=17 error=0
; expect ac_pushf: fault=17 error=0
; expect ac_call_far: fault=17 error=0
; expect ac_call_far_mem: fault=17 error=0
; expect ac_bound: fault=17 error=0
; expect ac_bound16: fault=17 error=0
; expect ac_pusha: fault=17 error=0
; expect ac_pop_seg: fault=17 error=0
; expect ac_mov_from_sreg: fault=17 error=0
CASE "alignment"
    push dword 0x40202
    popf
    mov eax, [DATA + 4]
    mov ax, [DATA + 2]
    mov al, [DATA + 1]
    mov eax, [DATA + 2]
ENDCASE
CASE "alignment_word"
    push dword 0x40202
    popf
    mov [DATA + 1], ax
ENDCASE
CASE "alignment_push"
    push dword 0x40202
    popf
    sub esp, 2
    push eax
ENDCASE
%macro AC_ON 0
    push dword 0x40202
    popf
%endmacro
CASE "ac_pushf"
    AC_ON
    sub esp, 2
    pushf
ENDCASE
CASE "ac_pushf16"
    AC_ON
    db 0x66
    pushf
    db 0x66
    popf
    sub esp, 1
    db 0x66
    pushf
ENDCASE
CASE "ac_popf"
    AC_ON
    push eax
    sub esp, 1
    popf
ENDCASE
CASE "ac_push_seg"
    AC_ON
    sub esp, 2
    push fs
ENDCASE
CASE "ac_pop_seg"
    AC_ON
    push dword SEL_DATA
    push dword SEL_DATA
    sub esp, 3
    mov [DATA], esp
    pop fs
ENDCASE
CASE "ac_pop_seg16"
    AC_ON
    push dword SEL_DATA
    db 0x66
    pop fs
    db 0x66
    push fs
    sub esp, 1
    db 0x66
    pop fs
ENDCASE
CASE "ac_les"
    AC_ON
    mov word [DATA + 4], SEL_DATA
    les eax, [DATA]
    mov dword [DATA + 8], SEL_DATA << 16
    les eax, [DATA + 6]
ENDCASE
CASE "ac_lfs16_even"
    AC_ON
    mov word [DATA + 4], SEL_DATA
    db 0x66
    lfs eax, [DATA + 2]
    mov eax, fs
ENDCASE
CASE "ac_lfs16_odd"
    AC_ON
    db 0x66
    lfs eax, [DATA + 3]
ENDCASE
CASE "ac_bound"
    AC_ON
    xor eax, eax
    bound eax, [DATA + 4]
    bound eax, [DATA + 2]
ENDCASE
CASE "ac_bound16"
    AC_ON
    xor eax, eax
    bound ax, [DATA + 2]
    bound ax, [DATA + 1]
ENDCASE
CASE "ac_fnstenv"
    AC_ON
    fnstenv [DATA + 4]
    mov dword [DATA + 16], 0
    mov dword [DATA + 20], 0
    mov dword [DATA + 24], 0
    mov dword [DATA + 28], 0
    fnstenv [DATA + 66]
ENDCASE
CASE "ac_fnstenv16"
    AC_ON
    db 0x66
    fnstenv [DATA + 2]
    mov dword [DATA + 8], 0
    mov dword [DATA + 12], 0
    db 0x66
    fnstenv [DATA + 65]
ENDCASE
CASE "ac_fldenv"
    AC_ON
    fldenv [DATA + 2]
ENDCASE
CASE "ac_fnsave"
    AC_ON
    fnsave [DATA + 2]
ENDCASE
CASE "ac_frstor"
    AC_ON
    frstor [DATA + 2]
ENDCASE
CASE "ac_retf"
    AC_ON
    push cs
    push dword .on
    retf
    .on: push cs
    push dword 0
    sub esp, 1
    retf
ENDCASE
CASE "ac_retf_odd"
    AC_ON
    push dword 0
    push dword USER_CS
    sub esp, 2
    and byte [esp + 3], 0
    retf
ENDCASE
CASE "ac_iret"
    AC_ON
    pushf
    push cs
    push dword .on
    iret
    .on: sub esp, 2
    iret
ENDCASE
CASE "ac_call_far"
    AC_ON
    sub esp, 2
    call USER_CS:.on
    .on: nop
ENDCASE
CASE "ac_call_far_mem"
    AC_ON
    mov dword [DATA], .on
    mov word [DATA + 4], USER_CS
    call far [DATA]
    .on: call far [DATA + 2]
ENDCASE
CASE "ac_enter"
    AC_ON
    enter 8, 2
    leave
    sub esp, 2
    enter 8, 2
ENDCASE
CASE "ac_pusha"
    AC_ON
    pusha
    popa
    sub esp, 2
    pusha
ENDCASE
CASE "ac_popa"
    AC_ON
    sub esp, 34
    popa
ENDCASE
CASE "ac_movs_rep"
    AC_ON
    mov ecx, 20
    mov esi, DATA
    mov edi, DATA + 0x100
    rep movsd
    mov ecx, 20
    mov edi, DATA + 0x202
    rep movsd
ENDCASE
CASE "ac_movs_bytes"
    AC_ON
    mov ecx, 20
    mov esi, DATA + 1
    mov edi, DATA + 0x103
    rep movsb
    mov ecx, 4
    mov edi, DATA + 0x202
    mov esi, DATA + 0x302
    rep movsw
ENDCASE
CASE "ac_movs_source"
    AC_ON
    mov ecx, 20
    mov esi, DATA + 2
    mov edi, DATA + 0x100
    rep movsd
ENDCASE
CASE "ac_stos_odd"
    AC_ON
    mov ecx, 2000
    mov edi, DATA + 1
    rep stosw
ENDCASE
CASE "ac_lods"
    AC_ON
    mov esi, DATA + 3
    lodsw
ENDCASE
CASE "ac_scas"
    AC_ON
    mov ecx, 20
    mov edi, DATA + 2
    repne scasd
ENDCASE
CASE "ac_cmps"
    AC_ON
    mov ecx, 20
    mov esi, DATA + 2
    mov edi, DATA
    repe cmpsd
ENDCASE
CASE "ac_mov_sreg"
    AC_ON
    mov word [DATA + 2], SEL_DATA
    mov fs, [DATA + 2]
    mov fs, [DATA + 1]
ENDCASE
CASE "ac_mov_from_sreg"
    AC_ON
    mov [DATA + 2], ds
    mov [DATA + 1], ds
ENDCASE
CASE "ac_verr"
    AC_ON
    mov word [DATA + 2], SEL_DATA
    verr [DATA + 2]
    verr [DATA + 1]
ENDCASE
CASE "ac_lar"
    AC_ON
    mov word [DATA + 2], SEL_DATA
    lar eax, [DATA + 2]
    lar eax, [DATA + 1]
ENDCASE
CASE "ac_arpl"
    AC_ON
    arpl [DATA + 2], ax
    arpl [DATA + 1], ax
ENDCASE
CASE "ac_cmpxchg8b"
    AC_ON
    cmpxchg8b [DATA + 8]
    cmpxchg8b [DATA + 4]
ENDCASE
CASE "ac_page_fault"
    AC_ON
    mov ecx, 1
    mov edi, DATA_END + 2
    stosd
ENDCASE
CASE "ac_pf_pushf"
    AC_ON
    mov esp, STACK + 2
    pushf
ENDCASE
CASE "ac_fxsave"
    AC_ON
    fxsave [DATA + 8]
ENDCASE
