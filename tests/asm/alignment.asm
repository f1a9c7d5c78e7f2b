; mode: native
; faults: yes
; Alignment checks at ring 3 with EFLAGS.AC and CR0.AM set.
; expect alignment: fault=17 error=0
; expect alignment_word: fault=17 error=0
; expect alignment_push: fault=17 error=0
CASE "alignment"
    push dword 0x40202
    popf
    mov eax, [DATA + 4]
    mov ax, [DATA + 2]
    mov al, [DATA + 1]
    mov eax, [DATA + 2]
ENDCASE
CASE "alignment_word"
    push dword 0x40202
    popf
    mov [DATA + 1], ax
ENDCASE
CASE "alignment_push"
    push dword 0x40202
    popf
    sub esp, 2
    push eax
ENDCASE
