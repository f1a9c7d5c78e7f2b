/*
 * a20.h: the A20 gate, the OR of its two ISA sources as on the Intel 82371SB.
 *
 * One gate object, owned by the board, is shared by port 92h and the keyboard
 * controller. The host hears only changes (and the state after load).
 */
#ifndef NOVT_DEVEMU_A20_H
#define NOVT_DEVEMU_A20_H

#include "devemu/dev.h"

enum a20_source { A20_PORT92 = 1, A20_I8042 = 2 };

struct a20_gate {    /* zeroed = no source, nothing told yet */
    uint8_t sources; /* enum a20_source bits that are high */
    bool told, open; /* what the host was told last */
};

static inline bool a20_enabled(const struct a20_gate *g) { return g->sources != 0; }
/* g may be NULL: a board without the gate. */
void a20_set(struct a20_gate *g, struct dev_host *host, enum a20_source source, bool level);

#endif
