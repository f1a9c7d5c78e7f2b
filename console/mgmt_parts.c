/*
 * mgmt_parts.c: questions whose answers come in parts, between which the guest runs.
 *
 * What the guest does meanwhile (a flush) may make a question begin anew, so the parts are bounded.
 */
#include "console/mgmt_cache.h"

enum { PARTS_MAX = 100000 };

bool mgmt_ask_parts(struct mgmt_call *c, const struct mgmt_parts *p, void *into) {
    unsigned parts = 0;
    do {
        if (!mgmt_asked(c, p->ask(c->machine, p->question), NULL)) return false;
        if (p->take && !p->take(p->question, into)) return true;
    } while (*p->cursor && ++parts < PARTS_MAX);
    return true;
}
