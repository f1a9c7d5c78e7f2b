; bootrom.asm: the option ROM that starts a kernel given on novt's command line.
;
; An expansion ROM after the "Plug and Play BIOS Specification" 1.0A with a
; bootstrap entry vector (BEV). devemu/boot.c offers it to the firmware, fills
; in both checksums, and describes what to do in the fw_cfg file "novt/boot"
; (layout: devemu/boot_internal.h). Everything is fetched by fw_cfg DMA, so real
; mode is enough to fill memory above 1 MiB. Work area: 7000h-7FFFh; the loader
; places nothing below 8000h.

bits 16
org 0

; ---- fw_cfg device ----
FW_SELECT       equ 0x510
FW_DATA         equ 0x511
FW_DMA_LOW      equ 0x518       ; big-endian low half of the address; starts the transfer
FW_FILE_DIR     equ 0x19
DMA_ERROR       equ 1
DMA_READ        equ 2
DMA_SKIP        equ 4
DMA_SELECT      equ 8

; ---- Work area ----
STACK_TOP       equ 0x7C00
HEADER          equ 0x7C00      ; copy of struct boot_header and its chunks
HDR_MAGIC       equ HEADER + 0
HDR_KIND        equ HEADER + 4
HDR_CHUNKS      equ HEADER + 8
HDR_ENTRY       equ HEADER + 12
HDR_STACK       equ HEADER + 16
HDR_INFO        equ HEADER + 20
HDR_MMAP        equ HEADER + 24
HDR_MMAP_ROOM   equ HEADER + 28
HDR_RD_OFFSET   equ HEADER + 32
HDR_RD_SIZE     equ HEADER + 36
HDR_RD_LIMIT    equ HEADER + 40
HDR_RD_MIN      equ HEADER + 44
HDR_TOP         equ HEADER + 48
HEADER_BYTES    equ 64
CHUNKS          equ HEADER + HEADER_BYTES
CHUNK_BYTES     equ 12          ; offset in the file, length, address
MAX_CHUNKS      equ 48
VARS            equ 0x7E80
KEY             equ VARS + 0    ; dw: selector of the file
BEST            equ VARS + 4    ; dd: address found for the initrd
E820_NEXT       equ VARS + 8    ; dd: continuation value
GDT_PTR         equ VARS + 16   ; 6 bytes
PM_PTR          equ VARS + 24   ; 6 bytes: far pointer into 32-bit code
DMA             equ VARS + 32   ; 16 bytes: control, length, address; all big-endian
RANGE           equ VARS + 48   ; 20 bytes: base, length, type, as INT 15h E820h gives it
DIRENT          equ VARS + 80   ; 64 bytes: size, selector, reserved, name
NAME_AT         equ 8
%if CHUNKS + MAX_CHUNKS * CHUNK_BYTES > VARS || DIRENT + 64 > 0x8000
%error work area overlaps
%endif

MAGIC           equ 'NVTB'
KIND_LINUX      equ 1
KIND_MULTIBOOT  equ 2
MULTIBOOT_MAGIC equ 0x2BADB002
MBI_MEM_LOWER   equ 4
MBI_MEM_UPPER   equ 8
MBI_MMAP_LENGTH equ 44
SETUP_RAMDISK   equ 0x218       ; ramdisk_image, then ramdisk_size, of the Linux setup header
CODE32          equ 0x08
DATA32          equ 0x10

; ---- Expansion header ----
        db 0x55, 0xAA
        db ROM_BYTES / 512
        jmp near init
        times 0x18 - ($ - $$) db 0
        dw 0                    ; no PCI data structure
        dw pnp
        times 0x20 - ($ - $$) db 0
pnp:    db '$PnP', 1, 2
        dw 0                    ; no further header
        db 0, 0                 ; reserved, checksum (filled in)
        dd 0
        dw maker, product
        db 0, 0x80, 0           ; type: other
        db 0x14                 ; may be an initial program load device; read-cacheable
        dw 0, 0                 ; no boot connection, no disconnect
        dw boot
        dw 0, 0

maker   db 'novt', 0
product db 'novt direct kernel boot', 0

init:   mov ax, 0x20            ; an IPL device is attached
        retf

; ---- Boot ----
boot:   cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK_TOP
        sti
        mov ax, 0x2401          ; A20 on
        int 0x15
        call find_file
        call read_header
        call check_top
        call load_chunks
        cmp byte [HDR_KIND], KIND_LINUX
        je boot_linux
        cmp byte [HDR_KIND], KIND_MULTIBOOT
        je boot_multiboot
        mov si, msg_file
fail:   push si
        mov si, msg_name
        call print
        pop si
        call print
        int 0x18
.stop:  hlt
        jmp .stop

; Prints the string at CS:SI on the screen and on the firmware's debug port.
print:  cs lodsb
        test al, al
        jz .done
        mov dx, 0x402
        out dx, al
        mov ah, 0x0E
        mov bx, 7
        int 0x10
        jmp print
.done:  ret

; ---- fw_cfg by port ----

; Reads CX bytes of the selected item to ES:DI.
read_port:
        mov dx, FW_DATA
        rep insb
        ret

select: mov dx, FW_SELECT
        out dx, ax
        ret

; Sets KEY to the selector of file_name.
find_file:
        mov ax, FW_FILE_DIR
        call select
        mov di, DIRENT
        mov cx, 4
        call read_port
        mov ebp, [DIRENT]
        bswap ebp
.next:  sub ebp, 1
        mov si, msg_file
        jb fail
        mov di, DIRENT
        mov cx, 64
        call read_port
        mov si, file_name
        mov di, DIRENT + NAME_AT
        mov cx, file_name_end - file_name
        cs repe cmpsb
        jne .next
        mov ax, [DIRENT + 4]
        xchg al, ah
        mov [KEY], ax
        ret

read_header:
        mov ax, [KEY]
        call select
        mov di, HEADER
        mov cx, HEADER_BYTES
        call read_port
        mov si, msg_file
        cmp dword [HDR_MAGIC], MAGIC
        jne fail
        cmp dword [HDR_CHUNKS], MAX_CHUNKS
        ja fail
        imul cx, [HDR_CHUNKS], CHUNK_BYTES
        jmp read_port

; ---- fw_cfg by DMA ----

; Reads ECX bytes from offset EAX of the file to physical address EDI.
fetch:  push ecx
        mov ecx, eax
        movzx eax, word [KEY]
        shl eax, 16
        or al, DMA_SELECT | DMA_SKIP
        call dma
        pop ecx
        mov eax, DMA_READ
        ; falls through

; Runs one DMA operation: control EAX, length ECX, address EDI.
dma:    bswap eax
        mov [DMA], eax
        bswap ecx
        mov [DMA + 4], ecx
        mov dword [DMA + 8], 0
        mov eax, edi
        bswap eax
        mov [DMA + 12], eax
        mov eax, DMA
        bswap eax
        mov dx, FW_DMA_LOW
        out dx, eax
.wait:  mov eax, [DMA]
        bswap eax
        test al, DMA_ERROR
        mov si, msg_dma
        jnz fail
        test eax, eax
        jnz .wait
        ret

load_chunks:
        mov bp, [HDR_CHUNKS]
        mov bx, CHUNKS
.next:  sub bp, 1
        jb .done
        mov eax, [bx]
        mov ecx, [bx + 4]
        mov edi, [bx + 8]
        call fetch
        add bx, CHUNK_BYTES
        jmp .next
.done:  ret

; ---- The firmware's memory map ----

e820_start:
        mov dword [E820_NEXT], 0
        ret

; Next RAM range below 4 GiB: EAX base, ECX first byte behind it (saturated to 32 bits). CF: no more.
e820_ram:
        call e820_any
        jc .done
        cmp dword [RANGE + 16], 1
        jne e820_ram
        cmp dword [RANGE + 4], 0
        jne e820_ram
        mov eax, [RANGE]
        mov ecx, eax
        add ecx, [RANGE + 8]
        jc .high
        cmp dword [RANGE + 12], 0
        je .ok
.high:  mov ecx, 0xFFFFFFFF
.ok:    clc
.done:  ret

; Next range of any type, in RANGE. CF: no more.
e820_any:
        mov ebx, [E820_NEXT]
        cmp ebx, 0xFFFFFFFF
        je .end
        mov eax, 0xE820
        mov edx, 0x534D4150     ; "SMAP"
        mov ecx, 20
        mov di, RANGE
        push es
        push fs
        push gs
        int 0x15                ; firmware may leave its own segments behind
        pop gs
        pop fs
        pop es
        cld
        jc .end
        test ebx, ebx
        jnz .more
        dec ebx                 ; this was the last one
.more:  mov [E820_NEXT], ebx
        clc
        ret
.end:   stc
        ret

; The RAM range that holds 1 MiB must reach to what will be loaded: nothing may fall on the firmware's tables.
check_top:
        call e820_start
.next:  call e820_ram
        mov si, msg_top
        jc fail
        cmp eax, 0x100000
        ja .next
        cmp ecx, 0x100000
        jbe .next
        cmp ecx, [HDR_TOP]
        jb fail
        ret

; ---- Linux ----

boot_linux:
        cmp dword [HDR_RD_SIZE], 0
        je .enter
        call place_initrd
        mov eax, [HDR_INFO]
        shr eax, 4
        mov es, ax
        mov eax, [BEST]
        mov [es:SETUP_RAMDISK], eax
        mov ecx, [HDR_RD_SIZE]
        mov [es:SETUP_RAMDISK + 4], ecx
        mov edi, eax
        mov eax, [HDR_RD_OFFSET]
        call fetch
.enter: cli
        mov eax, [HDR_INFO]
        shr eax, 4
        mov bx, [HDR_STACK]
        mov cx, ax
        add cx, 0x20            ; the setup code starts behind its boot sector
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov sp, bx
        push cx
        push word 0
        xor ebp, ebp
        retf

; Sets BEST to the highest page where the initrd fits into RAM under its limit.
place_initrd:
        mov dword [BEST], 0
        call e820_start
.next:  call e820_ram
        jc .done
        cmp ecx, [HDR_RD_LIMIT]
        jbe .capped
        mov ecx, [HDR_RD_LIMIT]
.capped:
        sub ecx, [HDR_RD_SIZE]
        jb .next
        and ecx, 0xFFFFF000
        cmp ecx, eax
        jb .next
        cmp ecx, [HDR_RD_MIN]
        jb .next
        cmp ecx, [BEST]
        jbe .next
        mov [BEST], ecx
        jmp .next
.done:  cmp dword [BEST], 0
        mov si, msg_room
        je fail
        ret

; ---- Multiboot ----

boot_multiboot:
        mov eax, [HDR_INFO]
        shr eax, 4
        mov fs, ax              ; FS: information structure
        int 0x12
        movzx eax, ax
        mov [fs:MBI_MEM_LOWER], eax
        call mem_upper
        call fill_mmap
        jmp enter_pm

; mem_upper: KiB of the range that holds 1 MiB, counted from 1 MiB.
mem_upper:
        mov dword [fs:MBI_MEM_UPPER], 0
        call e820_start
.next:  call e820_ram
        jc .done
        cmp eax, 0x100000
        ja .next
        sub ecx, 0x100000
        jbe .next
        shr ecx, 10
        mov [fs:MBI_MEM_UPPER], ecx
.done:  ret

; Entries of 24 bytes: the size of the rest (20), then what E820h gives.
fill_mmap:
        mov eax, [HDR_MMAP]
        shr eax, 4
        mov gs, ax              ; GS:BP: next entry
        xor bp, bp
        call e820_start
.next:  mov ax, bp
        add ax, 24
        cmp ax, [HDR_MMAP_ROOM]
        ja .done
        call e820_any
        jc .done
        mov dword [gs:bp], 20
        add bp, 4
        mov si, RANGE
.copy:  lodsd
        mov [gs:bp], eax
        add bp, 4
        cmp si, RANGE + 20
        jb .copy
        jmp .next
.done:  movzx ebp, bp
        mov [fs:MBI_MMAP_LENGTH], ebp
        ret

enter_pm:
        cli
        xor eax, eax
        mov ax, cs
        shl eax, 4
        lea ebx, [eax + gdt]
        mov word [GDT_PTR], gdt_end - gdt - 1
        mov [GDT_PTR + 2], ebx
        lea ebx, [eax + pm]
        mov [PM_PTR], ebx
        mov word [PM_PTR + 4], CODE32
        o32 lgdt [GDT_PTR]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword far [PM_PTR]

bits 32
pm:     mov ax, DATA32
        mov ds, eax
        mov es, eax
        mov fs, eax
        mov gs, eax
        mov ss, eax
        mov esp, STACK_TOP
        mov ebx, [HDR_INFO]
        mov ecx, [HDR_ENTRY]
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        mov eax, MULTIBOOT_MAGIC
        jmp ecx

align 8
gdt:    dq 0
        dq 0x00CF9A000000FFFF   ; 08h: 32-bit code, 4 GiB
        dq 0x00CF92000000FFFF   ; 10h: data, 4 GiB
gdt_end:

file_name     db 'novt/boot', 0
file_name_end:
msg_name      db 'novt boot ROM: ', 0
msg_file      db 'no usable boot description', 13, 10, 0
msg_dma       db 'fw_cfg DMA failed', 13, 10, 0
msg_top       db 'not enough memory', 13, 10, 0
msg_room      db 'no room in memory for the initrd', 13, 10, 0

ROM_BYTES     equ 1536
        times ROM_BYTES - ($ - $$) db 0
