; mode: native
; expect scaled: eax=0x0badf00d esi=4
; expect fault: fault=14 error=6 cr2=0x20004000
CASE "scaled"
    mov dword [DATA + 16 + 32], 0x0badf00d
    mov ebx, DATA
    mov esi, 4
    mov eax, [ebx + esi * 8 + 16]
ENDCASE
CASE "fault"
    mov ebx, DATA_END - 2
    mov [ebx], eax
ENDCASE
CASE "esp_based"
    push dword 0x55aa
    mov ah, [esp]
    mov dl, ah
ENDCASE
