; images.asm: carries the assembled guests into the program; FOLDER is where their flat binaries are.
%macro IMAGE 2
global bench_%1, bench_%1_end
bench_%1:
        incbin %2
bench_%1_end:
%endmacro
%strcat NANO FOLDER, "/nano.bin"
%strcat GROWTH FOLDER, "/growth.bin"
%strcat EXIT FOLDER, "/exit.bin"
section .rodata
IMAGE nano, NANO
IMAGE growth, GROWTH
IMAGE exit, EXIT
section .note.GNU-stack noalloc noexec nowrite progbits
