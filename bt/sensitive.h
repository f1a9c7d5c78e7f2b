/*
 * sensitive.h: from a decoded instruction to its row of sensitive.def.
 *
 * Callers: the translator, the documentation and coverage checks. Pure functions of the row table.
 */
#ifndef NOVT_BT_SENSITIVE_H
#define NOVT_BT_SENSITIVE_H

#include "bt/bt.h"

/* The row of this instruction, BT_OP_COUNT if it has none. Constant time: one table index by mnemonic, then at most
 * the few rows that share it. */
enum bt_op bt_op_find(const struct insn *insn);

/* Why it is not copied: PRIVILEGED, SENSITIVE, ... as the table's head says; "?" outside the table. */
const char *bt_op_reason(enum bt_op op);
/* The manual's title of a row, "?" outside the table. */
const char *bt_op_title(enum bt_op op);

#endif
