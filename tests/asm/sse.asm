; mode: native
; fx: 11
; data: 3
; faults: yes
; covers: MASKMOVQ MASKMOVDQU
; SSE and SSE2 arithmetic, conversions, rounding modes, exceptions; MMX; bit-exact.
%macro SETS 0
    movups xmm0, [DATA]
    movups xmm1, [DATA + 16]
    mov dword [DATA + 32], 0x3f800001
    mov dword [DATA + 36], 0xc0490fdb
    mov dword [DATA + 40], 0x7f7fffff
    mov dword [DATA + 44], 0x00000001
    movaps xmm2, [DATA + 32]
    movaps xmm3, xmm4
%endmacro
%macro MODES 1
    SETS
    mov dword [DATA + 60], %1
    ldmxcsr [DATA + 60]
    addps xmm2, xmm4
    mulps xmm3, xmm2
    divps xmm2, xmm5
    subss xmm3, [DATA + 36]
    sqrtps xmm6, xmm3
    addpd xmm0, xmm1
    mulsd xmm1, xmm0
    divsd xmm0, xmm4
    sqrtsd xmm7, xmm1
    maxps xmm4, xmm2
    minpd xmm5, xmm1
    cvtps2dq xmm1, xmm4
    cvttps2dq xmm0, xmm4
    cvtdq2pd xmm3, xmm1
    cvtpd2ps xmm2, xmm3
    cvtss2si eax, xmm4
    push eax
    cvttsd2si eax, xmm3
    push eax
    cvtsi2ss xmm5, eax
    cvtsi2sd xmm6, [DATA + 36]
    stmxcsr [DATA + 64]
    push dword [DATA + 64]
%endmacro
CASE "nearest"
    MODES 0x1f80
ENDCASE
CASE "down"
    MODES 0x3f80
ENDCASE
CASE "up"
    MODES 0x5f80
ENDCASE
CASE "zero"
    MODES 0x7f80
ENDCASE
CASE "flush"
    MODES 0x9fc0
ENDCASE
CASE "compare"
    SETS
    ucomiss xmm0, xmm1
    pushf
    comisd xmm2, [DATA + 8]
    pushf
%assign p 0
%rep 8
    cmpps xmm2, xmm4, p
    cmpsd xmm3, xmm5, p
    cmppd xmm1, xmm0, p
    cmpss xmm0, xmm2, p
    %assign p p + 1
%endrep
    movmskps eax, xmm2
    movmskpd ebx, xmm3
    pmovmskb ecx, xmm1
ENDCASE
CASE "moves"
    SETS
    movss xmm0, [DATA + 3]
    movsd xmm1, [DATA + 5]
    movlps xmm2, [DATA + 8]
    movhps xmm2, [DATA + 24]
    movhlps xmm3, xmm2
    movlhps xmm4, xmm2
    movdqu xmm5, [DATA + 7]
    movdqa [DATA + 0x100], xmm5
    movntps [DATA + 0x110], xmm4
    movntdq [DATA + 0x120], xmm3
    movnti [DATA + 0x130], eax
    movd xmm6, eax
    movd ebx, xmm2
    movq xmm7, [DATA + 0x20]
    movq [DATA + 0x140], xmm7
    movdq2q mm0, xmm5
    movq2dq xmm1, mm0
    shufps xmm0, xmm2, 0x1b
    shufpd xmm2, xmm3, 1
    unpcklps xmm3, xmm4
    unpckhpd xmm4, xmm5
    pshufd xmm5, xmm6, 0x4e
    pshuflw xmm6, xmm0, 0x93
    pshufhw xmm7, [DATA], 0x39
    pinsrw xmm0, eax, 3
    pextrw edx, xmm5, 5
    sfence
    lfence
    mfence
    clflush [DATA]
    prefetcht0 [DATA]
    prefetchnta [0]
ENDCASE
CASE "integer"
    SETS
    paddb xmm0, xmm1
    paddusw xmm1, xmm2
    psubsb xmm2, xmm3
    pmullw xmm3, xmm4
    pmulhuw xmm4, xmm5
    pmaddwd xmm5, xmm6
    pmuludq xmm6, xmm7
    psadbw xmm7, xmm0
    pavgb xmm0, [DATA]
    packssdw xmm1, xmm0
    packuswb xmm2, xmm1
    punpckhbw xmm3, xmm2
    punpcklqdq xmm4, xmm3
    psllw xmm5, 3
    psrad xmm6, xmm0
    pslldq xmm7, 5
    psrldq xmm0, 3
    psrlq xmm1, 17
    pcmpeqw xmm2, xmm3
    pcmpgtd xmm3, xmm4
    pand xmm4, xmm5
    pandn xmm5, xmm6
    por xmm6, xmm7
    pxor xmm7, xmm7
    paddq xmm0, xmm1
ENDCASE
CASE "mmx"
    movq mm0, [DATA]
    movq mm1, [DATA + 9]
    movd mm2, eax
    paddsw mm0, mm1
    psubb mm1, [DATA + 20]
    pmulhw mm2, mm0
    pmaddwd mm3, mm1
    packsswb mm4, mm0
    punpckldq mm5, mm1
    psllq mm6, 9
    psraw mm7, mm2
    pcmpgtb mm0, mm1
    pshufw mm1, mm2, 0x1b
    pminub mm2, mm0
    pmaxsw mm3, mm4
    psadbw mm4, mm5
    pmovmskb eax, mm1
    pinsrw mm5, ebx, 1
    pextrw edx, mm5, 2
    movntq [DATA + 64], mm5
    cvtpi2ps xmm0, mm1
    cvttps2pi mm6, xmm0
    cvtpd2pi mm7, xmm1
ENDCASE
CASE "maskmov"
    mov edi, DATA + 0x200
    movdqu xmm1, [DATA + 3]
    maskmovdqu xmm0, xmm1
    movq mm1, [DATA + 5]
    lea edi, [edi + 0x21]
    maskmovq mm0, mm1
    mov edi, DATA + 0xff9
    maskmovdqu xmm2, xmm1
ENDCASE
CASE "maskmov_segment"
    mov ax, SEL_DATA
    mov gs, ax
    mov edi, 0x300
    movdqu xmm1, [DATA + 3]
    gs maskmovdqu xmm0, xmm1
    movq mm1, [DATA + 9]
    gs maskmovq mm2, mm1
    mov edi, 0x77770400
    db 0x65, 0x67, 0x66, 0x0f, 0xf7, 0xc1
ENDCASE
CASE "maskmov_fault"
    mov edi, DATA_END - 8
    pcmpeqb xmm1, xmm1
    maskmovdqu xmm0, xmm1
ENDCASE
CASE "unmasked"
    mov dword [DATA], 0x1d00
    ldmxcsr [DATA]
    xorps xmm1, xmm1
    divps xmm0, xmm1
ENDCASE
CASE "bad_mxcsr"
    mov dword [DATA], 0x10000
    ldmxcsr [DATA]
ENDCASE
CASE "unaligned_ok"
    movups xmm0, [DATA + 1]
    movsd xmm1, [DATA + 3]
    addsd xmm1, [DATA + 5]
    movhps [DATA + 9], xmm1
    cvtdq2pd xmm2, [DATA + 11]
    punpcklbw mm0, [DATA + 13]
ENDCASE
%macro ALIGNED 2+
CASE %1
    %2
ENDCASE
%endmacro
ALIGNED "align_movaps", movaps xmm0, [DATA + 8]
ALIGNED "align_store", movdqa [DATA + 4], xmm0
ALIGNED "align_paddb", paddb xmm0, [ebx + 1]
ALIGNED "align_movntps", movntps [DATA + 8], xmm0
ALIGNED "align_pshufd", pshufd xmm0, [DATA + 8], 0
ALIGNED "align_andps", andps xmm0, [esp + 4]
ALIGNED "align_cvtps2dq", cvtps2dq xmm0, [DATA + 12]
ALIGNED "align_unpck", punpcklbw xmm0, [DATA + 8]
