; mode: native
; fx: 9
; faults: yes
; covers: FNSTENV FLDENV FNSAVE FRSTOR FXSAVE FXRSTOR
; State images of the FPU. The instruction and data pointers are cleared where they do not count.
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
