/*
 * mgmt_symbol.h: the guest's names for addresses, for commands that list some.
 */
#ifndef NOVT_CONSOLE_MGMT_SYMBOL_H
#define NOVT_CONSOLE_MGMT_SYMBOL_H

#include "console/mgmt_command.h"

enum { MGMT_SYMBOL = 96 };
/* NAME+0xOFFSET, or nothing. False: c->error. */
bool mgmt_symbol(struct mgmt_call *c, uint32_t address, char text[MGMT_SYMBOL]);
#endif
