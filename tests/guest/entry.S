/* entry.S: the test kernel's first bytes (also a multiboot image), its trap stubs and the entry into a case. */
    .section .start, "awx"
    .globl _start
_start:
    jmp 1f
    .balign 4
multiboot:
    .long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    .long multiboot, _start, 0, 0, _start /* load to the end of the file; .bss is in it */
1:  cli
    mov $boot_stack_top, %esp
    call kernel_main
    ud2

    .text
/* One stub a vector: 16 bytes each, so that kernel.c can compute the addresses. */
    .globl stubs
    .balign 16
stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
    push $0
    .endif
    push $vector
    jmp trap
    .set vector, vector + 1
    .endr

/* Stack: vector, error code, EIP, CS, EFLAGS, and from ring 3 ESP, SS, from v8086 mode ES, DS, FS, GS too. Any
 * register may hold anything, so each is popped to memory through a flat DS. */
trap:
    push %ds
    push $0x10
    pop %ds
    popl f_ds
    mov %eax, f_gpr+0
    mov %ecx, f_gpr+4
    mov %edx, f_gpr+8
    mov %ebx, f_gpr+12
    mov %ebp, f_gpr+20
    mov %esi, f_gpr+24
    mov %edi, f_gpr+28
    popl f_vector
    popl f_error
    popl f_eip
    popl f_cs
    popl f_eflags
    mov %es, f_es
    mov %fs, f_fs
    mov %gs, f_gs
    testl $0x20000, f_eflags
    jnz 1f
    testb $3, f_cs
    jnz 2f
    mov %esp, f_gpr+16
    mov %ss, f_ss
    jmp 3f
1:  popl f_gpr+16
    popl f_ss
    popl f_es
    popl f_ds
    popl f_fs
    popl f_gs
    jmp 3f
2:  popl f_gpr+16
    popl f_ss
3:  mov $0x10, %eax
    mov %eax, %es
    mov %eax, %ss
    mov saved_esp, %esp
    mov %cr0, %eax
    mov %eax, f_cr0
    and $~0xc, %eax /* TS, EM */
    mov %eax, %cr0
    fxsave fx_image
    fninit
    cld
    popa
    ret

/* void enter_case(void): from enter_*; comes back through trap. */
    .globl enter_case
enter_case:
    pusha
    mov %esp, saved_esp
    fxrstor fx_image
    cmpl $0, enter_ring0
    jne 1f
    pushl $0x2b
    pushl enter_gpr+16
    pushl enter_eflags
    pushl $0x23
    pushl enter_eip
    mov $0x2b, %eax
    mov %eax, %ds
    mov %eax, %es
    call load_gprs
    mov %cs:enter_gpr, %eax
    iret
1:  pushl enter_eflags
    popf
    mov enter_gpr+0, %eax
    call load_gprs
    mov enter_gpr+16, %esp
    jmp *enter_eip
load_gprs:
    mov %cs:enter_gpr+4, %ecx
    mov %cs:enter_gpr+8, %edx
    mov %cs:enter_gpr+12, %ebx
    mov %cs:enter_gpr+20, %ebp
    mov %cs:enter_gpr+24, %esi
    mov %cs:enter_gpr+28, %edi
    ret

    .bss
    .globl f_gpr, f_vector, f_error, f_eip, f_cs, f_eflags, f_ss, f_ds, f_es, f_fs, f_gs, f_cr0
    .globl enter_gpr, enter_eflags, enter_eip, enter_ring0
    .balign 4
f_gpr: .space 32
f_vector: .space 4
f_error: .space 4
f_eip: .space 4
f_cs: .space 4
f_eflags: .space 4
f_ss: .space 4
f_ds: .space 4
f_es: .space 4
f_fs: .space 4
f_gs: .space 4
f_cr0: .space 4
saved_esp: .space 4
enter_gpr: .space 32
enter_eflags: .space 4
enter_eip: .space 4
enter_ring0: .space 4
    .balign 16
boot_stack: .space 8192
    .globl boot_stack_top
boot_stack_top:
    .section .note.GNU-stack, "", @progbits
