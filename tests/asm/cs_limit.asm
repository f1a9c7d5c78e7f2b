; mode: native
; faults: yes
; covers: CALL_NEAR RET_NEAR
; Where code meets the limit of its segment: branches fault themselves, with nothing changed; sequential flow faults beyond
; the limit, and is not cut to 16 bits. Every case ends in #GP(0) but those that stay inside.
%define FAR_AWAY 0x900                  ; beyond SEL_LOW16's limit of 7ffh
CASE "jmp_near"
    IN16 SEL_LOW16
    jmp near CODE_BASE + FAR_AWAY
    bits 32
ENDCASE
CASE "jmp_near32"
    IN16 SEL_LOW16
    jmp dword CODE_BASE + 0x10000
    bits 32
ENDCASE
CASE "jcc_taken"
    IN16 SEL_LOW16
    stc
    jc near CODE_BASE + FAR_AWAY
    bits 32
ENDCASE
CASE "jcc_not_taken"
    IN16 SEL_LOW16
    clc
    jc near CODE_BASE + FAR_AWAY
    mov ax, 0x600d
    OUT16
ENDCASE
CASE "call_rel"                         ; nothing is pushed
    IN16 SEL_LOW16
    call CODE_BASE + FAR_AWAY
    bits 32
ENDCASE
CASE "jmp_reg"
    IN16 SEL_LOW16
    mov bx, FAR_AWAY
    stc
    jmp bx
    bits 32
ENDCASE
CASE "jmp_reg_inside"
    IN16 SEL_LOW16
    mov bx, .there - CODE_BASE
    stc
    jmp bx
.there:
    sbb ax, ax
    OUT16
ENDCASE
CASE "jmp_reg32"
    IN16 SEL_LOW16
    mov ebx, 0x10000 + .there - CODE_BASE
    jmp ebx
.there:
    bits 32
ENDCASE
CASE "jmp_mem"
    IN16 SEL_LOW16
    cs jmp [.t - CODE_BASE]
.t: dw 0xffff
    bits 32
ENDCASE
CASE "call_reg"
    IN16 SEL_LOW16
    mov cx, 0x800
    call cx
    bits 32
ENDCASE
CASE "call_reg_inside"
    IN16 SEL_LOW16
    mov cx, .f - CODE_BASE
    stc
    call cx
    adc dx, 0
    jmp short .out
.f: cmc
    ret
.out:
    OUT16
ENDCASE
CASE "ret"                              ; SP stays
    IN16 SEL_LOW16
    push word FAR_AWAY
    stc
    ret
    bits 32
ENDCASE
CASE "ret_imm"
    IN16 SEL_LOW16
    push word 0xfff0
    ret 8
    bits 32
ENDCASE
CASE "ret32"
    IN16 SEL_LOW16
    push dword 0x10000 + .there - CODE_BASE
    o32 ret
.there:
    bits 32
ENDCASE
CASE "ret_inside"
    IN16 SEL_LOW16
    call .f
    call .f
    jmp short .out
.f: inc ax
    ret
.out:
    OUT16
ENDCASE
CASE "near_the_end"                     ; out of the reach of short jumps otherwise
    IN16 SEL_LOW16
    jmp near .end
    times 0x780 - ($ - $$) nop
.loop:                                  ; LOOP and JCXZ that fault have not counted
    mov cx, 2
    loop CODE_BASE + 0x801
.end:
    jmp short .loop
    bits 32
ENDCASE
CASE "loop_last"
    IN16 SEL_LOW16
    mov cx, 1
    jmp near .at
.at:
    loop CODE_BASE + 0x805
    mov ax, 0x600d
    OUT16
ENDCASE
CASE "jcxz"
    IN16 SEL_LOW16
    xor cx, cx
    stc
    jcxz CODE_BASE + 0x805
    bits 32
ENDCASE
CASE "flow"                             ; the last instruction ends exactly at the limit
    IN16 SEL_LOW16
    jmp near .end
    times 0x7fd - ($ - $$) nop
.end:
    mov ax, 0x600d
    bits 32
ENDCASE
CASE "straddle"                         ; MOV AX, its first byte at ffffh
    jmp SEL_CODE16:0xffff
    times 0xfffe - ($ - $$) nop
    bits 16
    db 0x3c
    mov ax, 0x1234
    bits 32
ENDCASE
CASE "flow64k"                          ; CMP AL, imm8 ends at ffffh: 16-bit code does not go on at 0
    jmp SEL_CODE16:0xfffe
ENDCASE
