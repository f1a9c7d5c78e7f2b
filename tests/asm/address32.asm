; mode: native
; data: 7
; regs: eax=0x20000100 ecx=0x10 edx=0x20000204 ebx=0x20000308 ebp=0x30001810 esi=0x20 edi=0x20000400
; Every ModRM and SIB form of 32-bit addressing; also sums that wrap at 4 GiB.
CASE "modrm"
%assign rm 0
%rep 8
    %if rm != 1 && rm != 6 ; the small ones come with displacements
    %if rm == 4
    db 0x8b, 0x04 | 5 << 3, 0x08                 ; mov ebp, [eax + ecx]
    %elif rm == 5
    db 0x8b, 5 << 3 | 5
    dd DATA + 8                                  ; mov ebp, [disp32]
    %else
    db 0x8b, 5 << 3 | rm                         ; mov ebp, [reg]
    %endif
    push ebp
    mov ebp, STACK + 0x1810
    %endif
    %if rm != 4
    db 0x03, 0x80 | 6 << 3 | rm
    %if rm == 1 || rm == 6
    dd DATA + 4                                  ; add esi, [small + disp32]
    %else
    dd -4
    %endif
    push esi
    mov esi, 0x20
    %if rm != 1 && rm != 6
    db 0x33, 0x40 | 7 << 3 | rm, 0x7c            ; xor edi, [reg + disp8]
    push edi
    mov edi, DATA + 0x400
    %endif
    %endif
    %assign rm rm + 1
%endrep
ENDCASE
%macro SIBS 2 ; name, base
CASE %1
    %assign index 0
    %rep 8
    %assign scale 0
    %rep 4
    mov eax, DATA + 0x40
    mov ebx, DATA + 0x80
    mov ecx, 3
    mov edx, 5
    mov ebp, STACK + 0x1810
    mov esi, 9
    mov edi, 17
    %if index == 0 || index == 3 || index == 5
        db 0x8d, 0x80 | 4, scale << 6 | index << 3 | %2
        dd 0x12345678
        db 0x8d, 0x04 | 3 << 3, scale << 6 | index << 3 | 5 ; ebx = lea [index * scale + disp32]
        dd 0x1000
    %elif index == 4
        db 0x8d, 0x40 | 3 << 3 | 4, scale << 6 | index << 3 | %2, 0x44 ; lea ebx, [base + disp8]
        push ebx
        db 0x8d, 0x04 | 1 << 3, scale << 6 | 4 << 3 | 5                ; lea ecx, [disp32], the long form
        dd 0x87654321
    %else
        db 0x8d, 0x40 | 4, scale << 6 | index << 3 | %2, 0x11          ; lea eax, [base + index * scale + disp8]
        push eax
        db 0x8d, 0x80 | 2 << 3 | 4, scale << 6 | index << 3 | %2       ; lea edx, ...
        dd 0x80000001
    %endif
    push eax
    push ebx
    push ecx
    push edx
    %assign scale scale + 1
    %endrep
    %assign index index + 1
    %endrep
ENDCASE
%endmacro
SIBS "sib_eax", 0
SIBS "sib_ebx", 3
SIBS "sib_ebp", 5
SIBS "sib_esp", 4
CASE "sib_loads"
    mov eax, DATA
    mov ecx, 3
    add edx, [eax + ecx * 4]
    sub edx, [eax + ecx * 8 + 4]
    mov ebx, [ecx * 4 + DATA]
    mov esi, [eax * 1 + ecx + 7]
    mov edi, [ebp + ecx * 2 - 8]
    mov [esp + ecx * 4], edi
    mov [esp - 4], esi
    push dword [esp + ecx * 4]
    mov al, [eax + ecx]
    mov ebp, [esp]
ENDCASE
CASE "wrap"
    mov eax, 0xfffffff0
    mov ecx, [eax + DATA + 0x20]
    mov ebx, 0x80000000
    mov edx, 0xd0000000             ; * 2 = a0000000h
    mov esi, [ebx + edx * 2 + 0x10]
    mov edi, 0x88000000             ; * 4 = 20000000h
    mov ebp, [edi * 4 + 0x30]
    mov edi, 0x60000001
    lea eax, [edi * 8 + edi]
    lea esp, [esp + eax]
    sub esp, eax
ENDCASE
CASE "wrap_load"
    mov edi, 0xc8000000             ; * 4 = 20000000h
    mov ebp, [edi * 4 + 0x30]
    mov ecx, 0xa0000000
    lea edx, [ecx + ecx]
ENDCASE
