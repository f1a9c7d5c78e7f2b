/*
 * disasm.h: machine code as text, by Capstone, for the guest's code and for translations. Not on the vCPU thread.
 */
#ifndef NOVT_CONSOLE_DISASM_H
#define NOVT_CONSOLE_DISASM_H

#include <stddef.h>
#include <stdint.h>

/* One instruction of 16-, 32- or 64-bit code, Intel syntax. Returns its length; 0: none can be made out of these bytes.
 */
enum { DISASM_TEXT = 192 };
size_t disasm_insn(unsigned bits, uint64_t at, const uint8_t *bytes, size_t n, char text[DISASM_TEXT]);
#endif
