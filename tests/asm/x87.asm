; mode: native
; fx: 5
; data: 3
; faults: yes
; x87: arithmetic in all forms and precisions, transcendental functions, conversions, stack faults, exceptions; bit-exact.
%macro LOADS 0
    fninit
    mov dword [DATA], 0x40490fdb        ; pi as a float
    mov dword [DATA + 8], 0x54442d18    ; pi as a double
    mov dword [DATA + 12], 0x400921fb
    mov dword [DATA + 16], -12345
    mov dword [DATA + 20], 0x00000012
%endmacro
CASE "arith_mem"
    LOADS
    fld1
    fadd dword [DATA]
    fmul qword [DATA + 8]
    fsub dword [DATA]
    fdivr qword [DATA + 8]
    fiadd dword [DATA + 16]
    fimul word [DATA + 16]
    fisubr dword [DATA + 16]
    fidiv word [DATA + 20]
    ficom dword [DATA + 16]
    fnstsw ax
    push eax
    fcom qword [DATA + 8]
    fnstsw [DATA + 40]
    fst dword [DATA + 44]
    fst qword [DATA + 48]
    fld st0
    fstp tword [DATA + 56]
    fld tword [DATA + 56]
    fist dword [DATA + 68]
    fist word [DATA + 72]
    fistp qword [DATA + 76]
    fild qword [DATA + 76]
    fbstp [DATA + 84]
    fbld [DATA + 84]
ENDCASE
CASE "arith_reg"
    LOADS
    fldpi
    fldl2e
    fldln2
    fld1
    fadd st0, st2
    fadd st2, st0
    fmul st1, st0
    fsub st0, st3
    fsubr st3, st0
    fdiv st0, st1
    fdivr st2, st0
    faddp st1, st0
    fsubp st1, st0
    fmulp st1, st0
    fxch st1
    fchs
    fabs
    frndint
    fsqrt
    fxam
    fnstsw ax
    push eax
    ftst
    fnstsw ax
    push eax
ENDCASE
CASE "transcendental"
    LOADS
    fld dword [DATA]
    fsin
    fldl2t
    fcos
    fldlg2
    fptan
    fpatan
    fldln2
    f2xm1
    fld1
    fldpi
    fyl2x
    fldlg2
    fld1
    fyl2xp1
    fldpi
    fsincos
    fscale
    fxtract
    fprem
    fprem1
ENDCASE
CASE "compare"
    LOADS
    fldpi
    fld1
    fcomi st0, st1
    pushf
    fucomi st0, st1
    pushf
    fcomip st0, st1
    pushf
    fld st0
    fucomip st0, st1
    pushf
    fld1
    fucom st1
    fnstsw ax
    push eax
    fucompp
    fnstsw ax
    sahf
    pushf
    fldz
    fldz
    fcompp
    fnstsw ax
    push eax
ENDCASE
CASE "fcmov"
    LOADS
    fldpi
    fld1
    stc
    fcmovb st0, st1
    fcmovnb st0, st2
    fldz
    cmp eax, eax
    fcmove st0, st1
    fcmovne st0, st2
    fcmovbe st0, st1
    fcmovu st0, st1
    fcmovnu st0, st2
ENDCASE
%macro PRECISION 1
    mov word [DATA + 100], %1
    fldcw [DATA + 100]
    fld1
    fld tword [DATA + 120]
    fdivp st1, st0
    fst qword [DATA + 104]
    fld dword [DATA]
    fsqrt
    faddp st1, st0
    fist dword [DATA + 112]
    fstp tword [DATA + 120]
    push dword [DATA + 104]
    push dword [DATA + 108]
    push dword [DATA + 112]
%endmacro
CASE "control"
    LOADS
    fldpi
    fstp tword [DATA + 120]
    PRECISION 0x037f
    PRECISION 0x027f
    PRECISION 0x007f
    PRECISION 0x0b7f
    PRECISION 0x067f
    PRECISION 0x0c7f
    fnstcw [DATA + 100]
    push dword [DATA + 100]
ENDCASE
CASE "stack_overflow"
    fninit
%rep 9
    fld1
%endrep
    fnstsw ax
ENDCASE
CASE "stack_underflow"
    fninit
    fadd st0, st1
    fnstsw ax
    fstp dword [DATA]
    fxam
    fnstsw [DATA + 40]
ENDCASE
CASE "rotate"
    fninit
    fld1
    fincstp
    fldpi
    fdecstp
    ffree st1
    fnop
    fnclex
    fnstsw [DATA]
ENDCASE
CASE "denormals"
    fninit
    mov dword [DATA], 1
    mov dword [DATA + 4], 0
    mov dword [DATA + 8], 0x7f800001
    mov dword [DATA + 12], 0xffc00000
    fld dword [DATA]
    fld qword [DATA]
    fmul st0, st0
    fld dword [DATA + 8]
    fadd st0, st1
    fld dword [DATA + 12]
    fadd st0, st1
    fnstsw ax
    fstp dword [DATA + 16]
    fstp qword [DATA + 20]
ENDCASE
CASE "unmasked_divide" ; reported at the next waiting instruction
    fninit
    mov word [DATA], 0x037b
    fldcw [DATA]
    fld1
    fldz
    fdivp st1, st0
    inc eax
    fnop
    inc eax
ENDCASE
CASE "unmasked_wait"
    fninit
    mov word [DATA], 0x037e
    fldcw [DATA]
    fadd st0, st1
    mov ecx, 7
    fnstsw [DATA + 40]
    fwait
    mov ecx, 8
ENDCASE
CASE "unmasked_store"
    fninit
    mov word [DATA], 0x035f
    fld tword [DATA + 0x100]
    fldpi
    fldcw [DATA]
    fstp dword [DATA + 8]
    fld1
ENDCASE
CASE "mmx_mix"
    fninit
    fldpi
    movq mm1, mm0
    paddb mm1, mm0
    movd mm2, eax
    punpcklbw mm2, mm1
    fnstsw ax
    emms
    fld1
ENDCASE
CASE "fisttp"
    fninit
    fldpi
    fldpi
    fldpi
    fisttp word [DATA]
    fisttp dword [DATA + 4]
    fisttp qword [DATA + 8]
ENDCASE
%macro EACH_ESCAPE 1
    %assign esc 0xd8
    %rep 8
    %assign reg 0
    %rep 8
        %if esc == 0xd9 && (reg == 1 || reg >= 4)
        %elif esc == 0xdb && (reg == 4 || reg == 6)
        %elif esc == 0xdd && (reg == 4 || reg == 5 || reg == 6)
        %else
        mov ebx, %1
        db esc, 0x43 | reg << 3, 0x08
        %endif
        %assign reg reg + 1
    %endrep
    %assign esc esc + 1
    %endrep
%endmacro
CASE "all_memory_forms"
    EACH_ESCAPE DATA + 0x100
    EACH_ESCAPE DATA + 0x203
    EACH_ESCAPE DATA + 0xff4
    EACH_ESCAPE DATA + 0x600
ENDCASE
CASE "aliases"
    db 0xdc, 0xd1       ; FCOM, FCOMP, FXCH, FSTP under other opcodes
    db 0xdc, 0xda
    db 0xdd, 0xca
    db 0xde, 0xd1
    db 0xdf, 0xc9
    db 0xdf, 0xd2
    db 0xdf, 0xda
    db 0xdf, 0xc1
    db 0xdb, 0xe0       ; FENI, FDISI, FSETPM: no operations
    db 0xdb, 0xe1
    db 0xdb, 0xe4
ENDCASE
