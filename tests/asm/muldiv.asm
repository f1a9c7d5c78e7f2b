; mode: native
; faults: yes
; Multiplications and divisions, flags included; divisions that fault leave everything as it was.
; expect div_zero: fault=0 eax=5 edx=0
; expect div_overflow: fault=0 eax=0 edx=2
; expect idiv_overflow: fault=0 eax=0x80000000 edx=0xffffffff
; expect div8_zero: fault=0
; expect idiv8_overflow: fault=0
%macro SAVE 0
    pushf
    push eax
    push edx
%endmacro
%macro MULS 3 ; op, a, b
    mov ecx, %3
    mov [DATA], ecx
    mov edx, 0x55555555
    mov eax, %2
    %1 cl
    SAVE
    mov eax, %2
    %1 ch
    SAVE
    mov eax, %2
    %1 cx
    SAVE
    mov eax, %2
    %1 ecx
    SAVE
    mov eax, %2
    %1 byte [DATA + 1]
    SAVE
    mov eax, %2
    %1 word [DATA]
    SAVE
    mov eax, %2
    %1 dword [DATA]
    SAVE
%endmacro
%macro MULPAIRS 1
    MULS %1, 0, 0
    MULS %1, 3, 5
    MULS %1, 0x7fffffff, 2
    MULS %1, 0xffffffff, 0xffffffff
    MULS %1, 0x80000000, 0x80000000
    MULS %1, 0x12345678, 0xfffffffe
%endmacro
CASE "mul"
    MULPAIRS mul
ENDCASE
CASE "imul_one"
    MULPAIRS imul
ENDCASE
%macro IMULS 2
    mov eax, %1
    mov ecx, %2
    mov [DATA], ecx
    imul eax, ecx
    SAVE
    mov eax, %1
    imul ax, cx
    SAVE
    mov eax, %1
    imul eax, [DATA]
    SAVE
    imul edx, ecx, %1
    SAVE
    imul edx, ecx, -3
    SAVE
    imul dx, [DATA], 0x7123
    SAVE
    imul eax, [DATA], 100
    SAVE
%endmacro
CASE "imul_more"
    IMULS 0, 1
    IMULS 3, 7
    IMULS 0x7fffffff, 2
    IMULS 0xffffffff, 0x80000000
    IMULS 0x00010000, 0x00010000
ENDCASE
%macro DIVS 4 ; op, edx, eax, divisor
    mov edx, %2
    mov eax, %3
    mov ecx, %4
    %1 ecx
    push eax
    push edx
%endmacro
CASE "div"
    DIVS div, 0, 100, 7
    DIVS div, 6, 0xffffffff, 7
    DIVS div, 0xfffffffe, 0xffffffff, 0xffffffff
    DIVS idiv, 0, 100, -7
    DIVS idiv, -1, -100, 7
    DIVS idiv, -1, -100, -7
    DIVS idiv, 0xc0000000, 1, 0x7fffffff
    mov eax, 0x1234
    mov cl, 0x77
    div cl
    push eax
    mov eax, -100
    mov ch, -7
    idiv ch
    push eax
    mov dx, 1
    mov ax, 5
    mov word [DATA], 9
    div word [DATA]
    push eax
    push edx
    mov dx, -1
    mov ax, -50
    idiv word [DATA]
    push eax
    push edx
ENDCASE
CASE "div_zero"
    mov eax, 5
    xor edx, edx
    xor ecx, ecx
    div ecx
ENDCASE
CASE "div_overflow"
    xor eax, eax
    mov edx, 2
    mov ecx, 2
    div ecx
ENDCASE
CASE "idiv_overflow"
    mov eax, 0x80000000
    cdq
    mov ecx, -1
    idiv ecx
ENDCASE
CASE "div8_zero"
    mov dword [DATA], 0
    div byte [DATA]
ENDCASE
CASE "idiv8_overflow"
    mov ax, 0x4000
    mov bl, 1
    idiv bl
ENDCASE
