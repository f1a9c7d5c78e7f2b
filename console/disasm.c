#include "console/disasm.h"

#include <capstone/capstone.h>
#include <stdio.h>

static cs_mode mode(unsigned bits) { return bits == 16 ? CS_MODE_16 : bits == 32 ? CS_MODE_32 : CS_MODE_64; }

size_t disasm_insn(unsigned bits, uint64_t at, const uint8_t *bytes, size_t n, char text[DISASM_TEXT]) {
    csh handle;
    cs_insn *insn;
    size_t len = 0;
    if (cs_open(CS_ARCH_X86, mode(bits), &handle) != CS_ERR_OK) return 0;
    if (cs_disasm(handle, bytes, n, at, 1, &insn) == 1) {
        len = insn->size;
        snprintf(text, DISASM_TEXT, "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "", insn->op_str);
        cs_free(insn, 1);
    }
    cs_close(&handle);
    return len;
}
