; mode: ring0
; qemu: no (TCG 7.2 does not check any of these as the manual says)
; faults: yes
; covers: MOV_CR_R MOV_DR_R MOV_R_DR RDMSR WRMSR
; Checks of the manual that QEMU leaves out.
; expect cr4_bad: fault=13 error=0
; expect cr0_pg_without_pe: fault=13 error=0
; expect cr0_nw_without_cd: fault=13 error=0
; expect dr_general_detect: fault=1
; expect ltr_null: fault=13 error=0
; expect msr_bad: fault=13 error=0
; expect wrmsr_bad: fault=13 error=0
; expect write_not_present: fault=14 error=2 cr2=0x20003004
; expect same_selector_new_limit: fault=13
; expect null_again: fault=13
CASE "cr4_bad"
    mov eax, 0x80000610
    mov cr4, eax
ENDCASE
CASE "cr0_pg_without_pe"
    mov eax, 0x80050032
    mov cr0, eax
ENDCASE
CASE "cr0_nw_without_cd"
    mov eax, 0xa0050033
    mov cr0, eax
ENDCASE
CASE "dr_general_detect"
    mov eax, 0x2400
    mov dr7, eax
    mov ebx, dr0
ENDCASE
CASE "msr_bad"
    mov ecx, 0x12345
    rdmsr
ENDCASE
CASE "wrmsr_bad"
    mov ecx, 0x12345
    wrmsr
ENDCASE
CASE "write_not_present"
    and dword [PT_DATA + 12], ~1
    invlpg [DATA + 0x3000]
    add dword [DATA + 0x3004], 5
ENDCASE
CASE "ltr_null"
    xor eax, eax
    ltr ax
ENDCASE
%include "segments.inc"

CASE "same_selector_new_limit"
    SETUP
    mov fs, si
    mov fs, si
    mov eax, [fs:0x1000]
    mov word [GDT + ONE], 0xfff
    mov fs, si
    mov eax, [fs:0x1000]
ENDCASE
CASE "null_again"
    SETUP
    xor ecx, ecx
    mov fs, si
    mov fs, cx
    mov fs, si
    mov fs, cx
    mov eax, [fs:0]
ENDCASE
