; monkey.asm: runs the generator's records one after the other, each in the processor mode it asks for, and
; takes control back at every exception, software interrupt and, by an NMI, timer tick. After a triple fault the machine resets
; and loads the image again; what says how far it got lies outside of it.
;
; hostile_test.py puts a random image behind it: layout and record format are fixed there and here.
bits 32
org 0x100000

GDT equ 0x110000
TSS_SEL equ 0x38
LDT_SEL equ 0x40
DF_SEL equ 0x48
TSS_CR3 equ 0x11201c
DF_CR3 equ 0x11501c
PROGRESS equ 0xf00000           ; magic, random state, visits
MAGIC equ 0x59454b4d
STACK equ 0x10f000
RECORDS equ 0x160000
RESTORE equ 0x10c000            ; destination, bytes; ends with 0: tables that every visit finds whole
PRISTINE equ 0x170000           ; their contents, one after the other
STUB equ 0x600                  ; real-mode code, below 64 KiB
; record
R_MODE equ 0                    ; 0: IRET frame, 1: real mode
R_CR0 equ 4
R_CR3 equ 8
R_CR4 equ 12
R_IDTR equ 16
R_SEGS equ 24                   ; DS, ES, FS, GS; 0xffff: leave
R_REGS equ 32                   ; POPAD, then the IRET frame
R_FAR equ 100                   ; real mode: where to
R_COPY equ 104                  ; physical address to copy the code to, or 0
R_CODE equ 112
CODE_BYTES equ 144

    jmp near start
align 8
seed dd 0                       ; +8
limit dd 0                      ; +12
unused dd 0                     ; +16
entry dd next                   ; +20: for the gates
gdtr dw 0x3ff
     dd GDT
idtr dw 0x7ff
     dd 0x111000
align 16

start:
    cli
    lgdt [gdtr]
    jmp 0x08:.setup
.setup:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    cmp dword [PROGRESS], MAGIC
    je .known
    mov eax, [seed]
    mov dword [PROGRESS], MAGIC
    mov [PROGRESS + 4], eax
    mov dword [PROGRESS + 8], 0
.known:
    xor edi, edi
    mov ecx, 256
    mov eax, STUB
    rep stosd
    mov esi, stub
    mov edi, STUB
    mov ecx, stub_end - stub
    rep movsb

align 16                        ; every gate of the sane IDT leads here
next:
    cli
    cld
    lgdt [cs:gdtr]
    lidt [cs:idtr]
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, STACK
    push 2                      ; NT would make the IRETD below a task return
    popfd
    mov eax, 0x11
    mov cr0, eax
    xor eax, eax
    mov cr4, eax
    mov dr7, eax
    mov ebx, RESTORE
    mov esi, PRISTINE
.restore:
    mov edi, [ebx]
    mov ecx, [ebx + 4]
    add ebx, 8
    rep movsb
    cmp dword [ebx], 0
    jne .restore
    jmp 0x08:.flat
.flat:
    mov ax, TSS_SEL
    ltr ax
    mov ax, LDT_SEL
    lldt ax
    fninit
    in al, 0x92
    or al, 2
    and al, 0xfe
    out 0x92, al
    mov al, 0x11                ; PICs: vectors 20h and 28h, only the timer open
    out 0x20, al
    out 0xa0, al
    mov al, 0x20
    out 0x21, al
    mov al, 0x28
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xfe
    out 0x21, al
    mov al, 0xff
    out 0xa1, al
    mov dword [0xfee000f0], 0x1ff
    mov dword [0xfee00350], 0x400 ; LINT0, the PICs' output, is an NMI: HLT and CLI do not stop the run
    mov al, 0x34                ; PIT 0: 1 kHz
    out 0x43, al
    mov al, 1193 & 255
    out 0x40, al
    mov al, 1193 >> 8
    out 0x40, al
    inc dword [PROGRESS + 8]
    mov eax, [limit]
    cmp [PROGRESS + 8], eax
    jae done
    imul eax, [PROGRESS + 4], 1664525
    add eax, 1013904223
    mov [PROGRESS + 4], eax
    shr eax, 26
    shl eax, 8
    lea esi, [eax + RECORDS]
    mov ebp, esi
    mov edi, [ebp + R_COPY]
    test edi, edi
    jz .copied
    lea esi, [ebp + R_CODE]
    mov ecx, CODE_BYTES
    rep movsb
.copied:
    cmp dword [ebp + R_MODE], 1
    je real
    mov eax, [ebp + R_CR4]
    mov cr4, eax
    mov eax, [ebp + R_CR3]
    mov [TSS_CR3], eax
    mov [DF_CR3], eax
    mov cr3, eax
    mov eax, [ebp + R_CR0]
    mov cr0, eax
    lidt [ebp + R_IDTR]
    lea esp, [ebp + R_REGS]
%macro seg 2
    mov ax, [ss:ebp + R_SEGS + 2 * %1]
    cmp ax, 0xffff
    je %%keep
    mov %2, ax
%%keep:
%endmacro
    seg 0, ds
    seg 1, es
    seg 2, fs
    seg 3, gs
    popad
    iretd

real:
    push 2                      ; this IRET is for the NMI alone
    push cs
    push .unblocked
    iretd
.unblocked:
    mov eax, [ebp + R_FAR]
    mov [STUB + far_to - stub], eax
    mov eax, [ebp + R_CR4]
    mov cr4, eax
    lidt [STUB + ivt - stub]
    lea esp, [ebp + R_REGS]
    popad
    mov esp, 0x7000
    jmp 0x28:STUB + to_real - stub

done:
    xor eax, eax
    out 0xf4, al
    hlt
    jmp done

bits 16
stub:                           ; every vector of the IVT
    cli
    xor ax, ax
    mov ds, ax
    o32 lgdt [STUB + stub_gdtr - stub]
    mov eax, 0x11
    mov cr0, eax
    jmp dword 0x08:next
to_real:
    mov ax, 0x30
    mov ss, ax
    mov ds, ax
    mov es, ax
    mov eax, 0x10
    mov cr0, eax
    jmp 0:STUB + .zero - stub
.zero:
    mov ax, 0
    mov ss, ax
    mov ds, ax
    mov es, ax
    mov esp, 0x7000
    sti
    jmp far [cs:STUB + far_to - stub]
far_to dd 0
stub_gdtr dw 0x3ff
     dd GDT
ivt dw 0x3ff
     dd 0
stub_end:
