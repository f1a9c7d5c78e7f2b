/* a20.c: the A20 gate; see a20.h. */
#include "devemu/a20.h"

void a20_set(struct a20_gate *g, struct dev_host *host, enum a20_source source, bool level) {
    if (!g) return;
    if (level)
        g->sources |= (uint8_t)source;
    else
        g->sources &= (uint8_t)~source;
    if (g->told && g->open == a20_enabled(g)) return;
    g->told = true;
    g->open = a20_enabled(g);
    if (host->set_a20) host->set_a20(host->opaque, g->open);
}
