; mode: native
; data: 3
; covers: PUSHA PUSHAD POPA POPAD ENTER LEAVE PUSH_ANY POP_ANY PUSHF PUSHFD POPF POPFD XLAT
; Stack instructions with all their oddities.
CASE "pusha"
    pusha
    mov dword [esp + 12], 0xdead    ; ESP's place is ignored by POPA
    xor eax, eax
    xor edi, edi
    popa
    pushaw
    popaw
    pushaw
ENDCASE
CASE "push_esp"
    push esp
    pop eax
    push esp
    push dword [esp]
    push dword [esp + 4]
    db 0x66
    push sp
    db 0x66, 0xff, 0x34, 0x24       ; push word [esp]
ENDCASE
CASE "pop_esp"
    mov eax, esp
    push dword STACK + 0x1800
    pop esp
    push ebx
    mov [esp - 64], ecx
    mov esp, eax
    push ecx
    push edx
    pop dword [esp]                 ; the address uses the new ESP
    push dword 0x12345678
    pop dword [esp + 8]
    push word 0x1b00
    pop sp
    mov ecx, esp
    mov esp, eax
ENDCASE
CASE "immediates"
    push byte -1
    push byte 0x7f
    push dword 0x89abcdef
    db 0x66, 0x6a, 0x80
    db 0x66, 0x68, 0x34, 0x12
    push word [DATA]
    pop word [DATA + 10]
    push dword [DATA + 4]
    pop dword [DATA + 20]
    push eax
    pop ebx
    db 0xff, 0xf0                   ; push eax, the long form
    db 0x8f, 0xc1                   ; pop ecx, the long form
ENDCASE
CASE "pushf"
    mov eax, 0xffffffff
    add eax, 1
    pushf
    pushfw
    push dword 0x8d5 | 0x200 | 0x3000 | DF
    popf
    pushf
    cld
    push word 0x0
    popfw
    pushf
    push dword 0x200000             ; ID
    popf
    pushf
    push dword 0x0
    popf
    pushf
ENDCASE
%macro ENTERS 2
    enter %1, %2
    mov [ebp - 4], eax
    push ebx
    leave
%endmacro
CASE "enter"
    mov ebp, STACK + 0x1000
    ENTERS 16, 0
    ENTERS 0, 1
    ENTERS 16, 2
    ENTERS 200, 5
    ENTERS 4, 31
    ENTERS 8, 32
    ENTERS 8, 33
    enter 32, 3
    enter 16, 4
    push ebp
    leave
    leave
ENDCASE
CASE "enter16"
    mov ebp, STACK + 0x1000
    mov eax, esp
    db 0x66
    enter 12, 0
    push ebp
    mov ebp, STACK + 0x1400
    db 0x66, 0xc8, 8, 0, 2
    mov ecx, ebp
    mov edx, esp
    mov esp, eax
    mov ebp, STACK + 0x1100
    db 0x66, 0xc9                   ; leave, 16-bit operand
    mov ebx, esp
    mov esp, eax
ENDCASE
CASE "leave"
    mov ebp, STACK + 0x1234
    leave
    mov eax, esp
    mov esp, STACK + 0x1f00
ENDCASE
CASE "mixed_sizes"
    push ax
    push ebx
    push cx
    pop edx
    pop si
    pop di
    push word 5
    add esp, 2
    lea esp, [esp - 3]
    push eax
    pop ecx
    lea esp, [esp + 3]
ENDCASE
CASE "xlat"
    mov ebx, DATA
    mov al, 0x41
    xlatb
    push eax
    mov ax, SEL_DATA
    mov gs, ax
    mov ebx, 0x200
    mov al, 0x99
    gs xlatb
    push eax
    mov ebx, 0x77770300
    db 0x67, 0x65
    xlatb
    push eax
    mov ebx, 0xfffffff8             ; wraps at 4 GiB: GS:[40h]
    mov al, 0x48
    gs xlatb
    push eax
ENDCASE
CASE "xlat_wrap16"
    mov ax, SEL_DATA
    mov gs, ax
    mov bx, 0xfff0
    mov al, 0x50
    db 0x67, 0x65
    xlatb
    push eax
ENDCASE
