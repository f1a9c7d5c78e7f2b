/*
 * sensitive.c: lookup in sensitive.def.
 *
 * Invariant: rows of one mnemonic are contiguous, the general row first (see the table's head). The index by
 * mnemonic keeps the last row, and the search goes upwards from it.
 */
#include "bt/sensitive.h"

enum { ANY = 0xFFFF };

struct form {
    uint16_t mnemonic, map, opcode;
};

static const struct form forms[BT_OP_COUNT] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title)                                        \
    {ZYDIS_MNEMONIC_##mnemonic, map, opcode},
#include "bt/sensitive.def"
#undef SENSITIVE
};

/* Last row + 1 of each mnemonic; 0: no row. Later rows override earlier ones on purpose. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const uint8_t last_row[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title)                                        \
    [ZYDIS_MNEMONIC_##mnemonic] = (uint8_t)(BT_OP_##name + 1),
#include "bt/sensitive.def"
#undef SENSITIVE
};
#pragma GCC diagnostic pop
_Static_assert(BT_OP_COUNT < 255, "row numbers fit a byte");

static bool form_matches(const struct form *f, const struct insn *insn) {
    return (f->map == ANY || f->map == insn->map) && (f->opcode == ANY || f->opcode == insn->opcode);
}

/* Group 5, SDM vol. 2 "Opcode Extensions For One-Byte And Two-Byte Opcodes": ModRM.reg is part of the opcode. */
static enum bt_op group5(unsigned reg) {
    switch (reg) {
    case 2: return BT_OP_CALL_NEAR;
    case 3: return BT_OP_CALL_FAR_MEM;
    case 5: return BT_OP_JMP_FAR_MEM;
    case 6: return BT_OP_PUSH_ANY;
    default: return BT_OP_COUNT;
    }
}

enum bt_op bt_op_find(const struct insn *insn) {
    if (insn->mnemonic > ZYDIS_MNEMONIC_MAX_VALUE || !last_row[insn->mnemonic]) return BT_OP_COUNT;
    if (insn->map == 0 && insn->opcode == 0xFF) return group5(insn->reg);
    for (unsigned row = last_row[insn->mnemonic]; row-- > 0 && forms[row].mnemonic == insn->mnemonic;)
        if (form_matches(&forms[row], insn)) return (enum bt_op)row;
    return BT_OP_COUNT;
}

static const char *const names[BT_OP_COUNT] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) #name,
#include "bt/sensitive.def"
#undef SENSITIVE
};

static const char *const titles[BT_OP_COUNT] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) title,
#include "bt/sensitive.def"
#undef SENSITIVE
};

const char *bt_op_name(enum bt_op op) { return op < BT_OP_COUNT ? names[op] : "?"; }

const char *bt_op_title(enum bt_op op) { return op < BT_OP_COUNT ? titles[op] : "?"; }

static const char *const reasons[BT_OP_COUNT] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) #reason,
#include "bt/sensitive.def"
#undef SENSITIVE
};

const char *bt_op_reason(enum bt_op op) { return op < BT_OP_COUNT ? reasons[op] : "?"; }
