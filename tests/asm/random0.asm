; mode: ring0
; fx: 5
; covers: RDRAND RDSEED
; RDRAND and RDSEED at ring 0, with the XMM registers live around them.
; expect kernel: eax=1 ebx=1
CASE "kernel"
    addps xmm1, xmm2
.a: FLAGS ARITH
    rdrand ecx
    jnc .a
    pushf
    pop eax
    and eax, ARITH
    xorps xmm5, xmm1
.b: FLAGS ARITH
    rdseed dx
    jnc .b
    pushf
    pop ebx
    and ebx, ARITH
    paddb xmm6, xmm5
    xor ecx, ecx
    xor edx, edx
ENDCASE
