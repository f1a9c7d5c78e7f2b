/*
 * run_cases.h: the loop over a pack's cases, compiled into both runners. The includer provides
 * `put(bytes, size)` and `run_one(entry, state, mode)`, which fills `cur` with how the case ended.
 */
#ifndef NOVT_TESTS_RUN_CASES_H
#define NOVT_TESTS_RUN_CASES_H

#include "case.h"

static struct result cur;
_Alignas(16) uint8_t fx_image[512]; /* in: a case's first x87/SSE state; from entry code */

static void put(const void *bytes, uint32_t size);
static void run_one(const struct test_case *c, const struct state *s);

static void copy_words(uint32_t to, const void *from, uint32_t bytes) {
    uint32_t words = (bytes + 3) / 4;
    __asm__ volatile("cld; rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory", "cc");
}

/* Fills an area from its seed; a copy of the last pattern saves the generator's time. */
static void fill_area(uint32_t base, uint32_t bytes, uint32_t seed, uint32_t *copy, uint32_t *copy_seed) {
    if (*copy_seed != seed + 1) fill_words(copy, bytes, seed);
    *copy_seed = seed + 1;
    copy_words(base, copy, bytes);
}

static uint32_t first_data[DATA_SIZE / 4], first_stack[STACK_SIZE / 4];

/* A hash of the words that differ from the area's first contents, and of where they are. One string instruction finds
 * each, so that this is quick even where every instruction is dispatched on its own. */
static uint32_t changes(uint32_t base, const uint32_t *first, uint32_t bytes) {
    uint32_t h = HASH_INIT, left = bytes / 4, now = base;
    for (;;) {
        uint8_t differ;
        __asm__ volatile("cmp %%eax, %%eax; cld; repe cmpsl; setne %0"
                         : "=q"(differ), "+S"(first), "+D"(now), "+c"(left)
                         :
                         : "memory", "cc");
        if (!differ) return h;
        const uint32_t change[2] = {now - base, *(uint32_t *)(now - 4)};
        h = hash_words(h, change, 8);
    }
}

static void prepare(const struct state *s) {
    static uint32_t data_seed, stack_seed;
    fill_area(DATA_BASE, DATA_SIZE, s->data_seed, first_data, &data_seed);
    fill_area(STACK_BASE, STACK_SIZE, s->data_seed ? s->data_seed ^ 0x5555 : 0, first_stack, &stack_seed);
    fill_fx(fx_image, s->fx_seed, s->mxcsr);
    fill_words((uint32_t *)(void *)&cur, sizeof(cur), 0);
}

static void finish(const struct test_case *c, uint32_t index, uint32_t full) {
    cur.index = index;
    cur.eflags &= c->flag_mask & ~(uint32_t)EFLAGS_NEVER;
    cur.error = clean_error(cur.vector, cur.error, cur.cr2);
    if (cur.vector != 14) cur.cr2 = 0;
    if (c->fx_mask & 1)
        clean_fx(cur.fx);
    else
        fill_words((uint32_t *)(void *)cur.fx, 512, 0);
    cur.data_hash = changes(DATA_BASE, first_data, DATA_SIZE);
    cur.stack_hash = changes(STACK_BASE, first_stack, STACK_SIZE);
    cur.code_hash = c->flags & CASE_SMC ? hash_words(HASH_INIT, (void *)(c->lo & ~3u), (c->hi - c->lo + 3) & ~3u) : 0;
    copy_words((uint32_t)cur.data, (void *)DATA_BASE, sizeof(cur.data));
    copy_words((uint32_t)cur.stack, (void *)(STACK_BASE + 0x1f00 - sizeof(cur.stack)), sizeof(cur.stack));
    struct brief b = {index, hash_words(HASH_INIT, &cur, sizeof(cur) - (512 - 288))};
    if (full)
        put(&cur, sizeof(cur));
    else
        put(&b, sizeof(b));
}

static void run_pack(const struct pack *p) {
    const uint8_t *base = (const uint8_t *)p;
    const struct test_case *cases = (const void *)(base + p->cases);
    const struct state *states = (const void *)(base + p->states);
    const struct image *images = (const void *)(base + p->images);
    uint32_t loaded = ~0u;
    for (uint32_t i = p->first; i < p->first + p->count; i++) {
        const struct test_case *c = cases + i;
        const struct image *im = images + c->image;
        if (loaded != c->image) copy_words(CODE_BASE, base + im->offset, im->size);
        loaded = c->image;
        prepare(states + c->state);
        run_one(c, states + c->state);
        finish(c, i, p->flags & PACK_FULL);
        if (c->flags & CASE_SMC) {
            uint32_t lo = c->lo & ~3u;
            copy_words(lo, base + im->offset + (lo - CODE_BASE), c->hi - lo);
        }
    }
    put("DONE", 4);
}
#endif
