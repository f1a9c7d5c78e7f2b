; mode: native
; fx: 9
; faults: yes
; covers: FNSTENV FLDENV FNSAVE FRSTOR FXSAVE FXRSTOR
; State images of the FPU. The instruction and data pointers are cleared where they do not count: without an error
; pending, AMD processors lose them whenever the state goes through FXSAVE.
; loose fxsave_fault: cr2 (any byte of the part beyond the page)
; loose fnsave_fault: cr2 (the same)
; loose frstor_fault: cr2 (the same)
; loose fxrstor_bad_mxcsr: data (the CPU's own MXCSR_MASK)
%macro CLEAN_ENV 1
    mov dword [%1 + 12], 0
    mov dword [%1 + 16], 0
    mov dword [%1 + 20], 0
    mov dword [%1 + 24], 0
%endmacro
CASE "env"
    fld1
    fldpi
    fdiv st0, st1
    fnstenv [DATA]
    fninit
    fldenv [DATA]
    CLEAN_ENV DATA
    fnstenv [DATA + 32]
    CLEAN_ENV DATA + 32
    fnstenv [DATA + 0xff5]
    CLEAN_ENV DATA + 0xff5
ENDCASE
CASE "env16"
    fldpi
    db 0x66
    fnstenv [DATA]
    db 0x66
    fldenv [DATA]
    mov dword [DATA + 6], 0
    mov dword [DATA + 10], 0
ENDCASE
CASE "save"
    fldpi
    fld1
    fnsave [DATA]
    fld1
    frstor [DATA]
    CLEAN_ENV DATA
    fadd st0, st1
    db 0x66
    fnsave [DATA + 128]
    db 0x66
    frstor [DATA + 128]
    mov dword [DATA + 128 + 6], 0
    mov dword [DATA + 128 + 10], 0
ENDCASE
CASE "fxsave"
    fld1
    fldl2e
    addps xmm0, xmm1
    fxsave [DATA]
    fninit
    xorps xmm0, xmm0
    fxrstor [DATA]
    mov word [DATA + 6], 0
    mov dword [DATA + 8], 0
    mov dword [DATA + 12], 0
    mov dword [DATA + 16], 0
    mov dword [DATA + 20], 0
    mov dword [DATA + 28], 0
ENDCASE
CASE "fxsave_unaligned"
    fxsave [DATA + 8]
ENDCASE
CASE "fxrstor_bad_mxcsr"
    fxsave [DATA]
    mov dword [DATA + 24], 0xffff0000
    fxrstor [DATA]
ENDCASE
CASE "fxsave_fault"
    fxsave [DATA_END - 256]
ENDCASE
CASE "fnsave_fault"
    fld1
    fnsave [DATA_END - 50]
ENDCASE
CASE "frstor_fault"
    frstor [DATA_END - 50]
ENDCASE
CASE "fnstenv_ro"
    fnstenv [RODATA]
ENDCASE
CASE "frstor_pending" ; loads an unmasked exception, which the next instruction reports
    fninit
    fnsave [DATA]
    mov word [DATA], 0x037e
    mov word [DATA + 4], 0x0081
    frstor [DATA]
    inc eax
    fld1
ENDCASE
CASE "masks"
    fnstenv [DATA]      ; masks all exceptions afterwards
    fnstcw [DATA + 40]
    CLEAN_ENV DATA
ENDCASE
; ---- Pointers, with an error pending: every processor keeps them ----
%macro UNMASK 0
    fninit
    mov word [DATA + 1024], 0x0340
    fldcw [DATA + 1024]
    mov dword [DATA + 1028], 0
    fld1
%endmacro
CASE "pointers_env"
    UNMASK
    fdiv dword [DATA + 1028]
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_env16"
    UNMASK
    mov edx, DATA + 1000
    mov ecx, 7
    fdiv dword [edx + ecx * 4]
    db 0x66
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_save"
    UNMASK
    fldz
    fdiv
    fnsave [DATA]
ENDCASE
CASE "pointers_fxsave"
    UNMASK
    fidiv word [DATA + 1028]
    fxsave [DATA]
    fnclex
    mov dword [DATA + 28], 0
ENDCASE
CASE "pointers_segment"
    UNMASK
    mov eax, SEL_BASE
    mov es, eax
    mov dword [es:0x40], 0
    fdiv dword [es:0x40]
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_stack"
    UNMASK
    push dword 0
    fdiv dword [esp]
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_loop" ; hot enough to be translated twice
    UNMASK
    mov ecx, 3000
.again:
    fnclex
    fninit
    fldcw [DATA + 1024]
    fld1
    fdiv dword [DATA + 1028]
    dec ecx
    jnz .again
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_control" ; control instructions leave them alone
    UNMASK
    fdiv dword [DATA + 1028]
    fnstsw [DATA + 900]
    fnstcw [DATA + 904]
    fnstenv [DATA]
    fnclex
ENDCASE
CASE "pointers_round_trip"
    fninit
    fnstenv [DATA]
    mov word [DATA], 0x0340      ; with an error in it
    mov word [DATA + 4], 0x0004
    mov dword [DATA + 12], 0x12345678
    mov dword [DATA + 16], 0x01250023
    mov dword [DATA + 20], 0x9abcdef0
    mov word [DATA + 24], 0x002b
    fldenv [DATA]
    fnstenv [DATA + 64]
    fldenv [DATA + 64]
    fnsave [DATA + 128]
    mov eax, [DATA + 128 + 12]
ENDCASE
