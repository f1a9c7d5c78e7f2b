; bootrom_image.asm: carries the assembled boot ROM into the program.
; BOOTROM is the path of the flat binary that bootrom.asm gives.
section .rodata
global boot_rom_image
global boot_rom_image_end
boot_rom_image:
        incbin BOOTROM
boot_rom_image_end:
section .note.GNU-stack noalloc noexec nowrite progbits
