#include "monitor/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/events.h"
#include "monitor/hostsys.h"

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* Who leaves a state first decides: WAITING to TAKEN (vCPU thread) or LEFT (sender), TAKEN to DONE or LEFT. The one who
 * finds the other gone frees the letter. */
enum letter_state { WAITING, TAKEN, DONE, REFUSED, LEFT };

struct letter {
    struct letter *next;
    mailbox_fn *fn;
    uint32_t state; /* enum letter_state; futex word of the sender */
    _Alignas(16) uint8_t args[];
};

/* What `first` is when nothing is taken any more. */
static struct letter closed_mark;

static bool move(struct letter *l, uint32_t from, uint32_t to) {
    return __atomic_compare_exchange_n(&l->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void mailbox_init(struct mailbox *b, struct mon_events *events) { *b = (struct mailbox){.events = events}; }

/* ---- The sender ---- */

static bool post(struct mailbox *b, struct letter *l) {
    struct letter *first = __atomic_load_n(&b->first, __ATOMIC_SEQ_CST);
    do {
        if (first == &closed_mark) return false;
        l->next = first;
    } while (!__atomic_compare_exchange_n(&b->first, &first, l, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    events_wake(b->events);
    return true;
}

static struct timespec deadline(unsigned ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t ns = (uint64_t)t.tv_nsec + (uint64_t)ms * NS_PER_MS;
    t.tv_sec += (time_t)(ns / NS_PER_S);
    t.tv_nsec = (long)(ns % NS_PER_S);
    return t;
}

static bool closed(const struct mailbox *b) { return __atomic_load_n(&b->first, __ATOMIC_SEQ_CST) == &closed_mark; }

/* The state in which the letter is no longer the vCPU thread's; LEFT: it still is. What was begun may never be finished
 * once the box is closed, so that is looked at now and then. */
static uint32_t wait_for(struct mailbox *b, struct letter *l, unsigned ms) {
    enum { SLICE_MS = 100 };
    for (;;) {
        unsigned slice = ms < SLICE_MS ? ms : SLICE_MS;
        struct timespec until = deadline(slice);
        uint32_t state = __atomic_load_n(&l->state, __ATOMIC_SEQ_CST);
        if (state == DONE || state == REFUSED) return state;
        if (hostsys_futex_wait_until(&l->state, state, &until) != -ETIMEDOUT) continue;
        ms -= slice;
        if ((!ms || (state == TAKEN && closed(b))) && move(l, state, LEFT)) return LEFT;
    }
}

enum mailbox_result mailbox_ask(struct mailbox *b, mailbox_fn *fn, void *args, size_t size, unsigned timeout_ms) {
    struct letter *l = malloc(sizeof *l + size);
    if (!l) return MAILBOX_NO_MEMORY;
    l->fn = fn;
    l->state = WAITING;
    if (size) memcpy(l->args, args, size);
    uint32_t state = post(b, l) ? wait_for(b, l, timeout_ms) : REFUSED;
    if (state == LEFT) return MAILBOX_LATE;
    if (state == DONE && size) memcpy(args, l->args, size);
    free(l);
    return state == DONE ? MAILBOX_DONE : MAILBOX_CLOSED;
}

/* ---- The vCPU thread ---- */

static void give_back(struct letter *l, enum letter_state from, enum letter_state to) {
    if (move(l, from, to))
        hostsys_futex_wake(&l->state);
    else
        free(l); /* the sender is gone */
}

void mailbox_finish(struct letter *l) { give_back(l, TAKEN, DONE); }

static struct letter *oldest_first(struct letter *l) {
    struct letter *list = NULL;
    while (l) {
        struct letter *next = l->next;
        l->next = list;
        list = l;
        l = next;
    }
    return list;
}

static void do_letter(struct letter *l, struct machine *m) {
    if (!move(l, WAITING, TAKEN))
        free(l);
    else if (l->fn(m, l->args, l))
        mailbox_finish(l);
}

void mailbox_open(struct mailbox *b, struct machine *m) {
    if (!__atomic_load_n(&b->first, __ATOMIC_RELAXED)) return;
    struct letter *l = oldest_first(__atomic_exchange_n(&b->first, NULL, __ATOMIC_SEQ_CST));
    while (l) {
        struct letter *next = l->next; /* l may be freed */
        do_letter(l, m);
        l = next;
    }
}

void mailbox_close(struct mailbox *b) {
    struct letter *l = __atomic_exchange_n(&b->first, &closed_mark, __ATOMIC_SEQ_CST);
    while (l && l != &closed_mark) {
        struct letter *next = l->next;
        give_back(l, WAITING, REFUSED);
        l = next;
    }
}
