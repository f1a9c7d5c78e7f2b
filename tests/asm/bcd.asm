; mode: native
; undefined: OF
; covers: AAA AAS DAA DAS AAM AAD SALC
; Decimal adjustments over all values of AL with both states of AF and CF; defined flags only.
%macro SWEEP 3 ; name, instruction, mask of defined flags
CASE %1
    xor ebx, ebx
    xor esi, esi
.next:
    mov eax, ebx
    imul eax, 0x0101
    and eax, 0xffff
    mov ecx, ebx
    and ecx, CF | AF        ; bits of the counter serve as the flags too
    push ecx
    popf
    %2
    pushf
    pop ecx
    mov dword [esp - 4], 0
    and ecx, %3
    lea esi, [esi * 4 + esi]
    xor esi, eax
    lea esi, [esi * 8 + esi]
    add esi, ecx
    inc ebx
    cmp ebx, 0x800
    jb .next
ENDCASE
%endmacro
SWEEP "daa", daa, CF | AF | ZF | SF | PF
SWEEP "das", das, CF | AF | ZF | SF | PF
SWEEP "aaa", aaa, CF | AF
SWEEP "aas", aas, CF | AF
SWEEP "aam", aam, ZF | SF | PF
SWEEP "aad", aad, ZF | SF | PF
SWEEP "aam16", aam 16, ZF | SF | PF
SWEEP "aad7", aad 7, ZF | SF | PF
SWEEP "salc", salc, ARITH
