/* fuzz_decoder.c: every byte string gives an answer, and one that makes sense. */
#include <stddef.h>
#include <stdlib.h>
#include "decoder/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *bytes, uint32_t avail, bool code32, uint32_t features) {
    struct insn insn;
    if (dec_insn(bytes, avail, code32, features, &insn) != DEC_OK) return;
    if (!insn.len || insn.len > avail || insn.cls > DEC_CLASS_TOO_LONG) abort();
    if (insn.imm_size && insn.imm_off + insn.imm_size > insn.len) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 6) return 0;
    uint32_t features = data[0] | data[1] << 8 | data[2] << 16 | (uint32_t)data[3] << 24;
    uint32_t avail = size - 5 < DEC_MAX_LEN ? (uint32_t)size - 5 : DEC_MAX_LEN;
    look(data + 5, avail, data[4] & 1, features);
    look(data + 5, avail, data[4] & 1, UINT32_MAX);
    return 0;
}
