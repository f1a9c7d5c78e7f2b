/*
 * inspect_flags.c: what became of the arithmetic flags at an instruction's accesses, read off its host code.
 *
 * Only checked accesses touch them. What saves and restores them is emitted by emit_mem.c into a buffer and looked for,
 * so the two cannot come to differ, and blocks store nothing for it.
 */
#include "bt/inspect_internal.h"
#include "bt/translate.h"

enum { PATTERN_MAX = 64 };

struct pattern {
    uint8_t bytes[PATTERN_MAX];
    uint32_t len;
};

static void make(struct pattern *p, void (*emit)(struct x86_buf *b)) {
    struct x86_buf b = {p->bytes, p->bytes, p->bytes + sizeof p->bytes, false};
    emit(&b);
    BT_BUG_ON(b.overflow);
    p->len = (uint32_t)(b.p - b.start);
}

static bool is_at(const struct pattern *p, const uint8_t *host) {
    for (uint32_t i = 0; i < p->len; i++)
        if (host[i] != p->bytes[i]) return false;
    return true;
}

static bool holds(const uint8_t *host, uint32_t len, void (*emit)(struct x86_buf *b)) {
    struct pattern p;
    make(&p, emit);
    for (uint32_t at = 0; at + p.len <= len; at++)
        if (is_at(&p, host + at)) return true;
    return false;
}

enum bt_inspect_flags inspect_flags(const uint8_t *host, uint32_t len) {
    if (!holds(host, len, emit_save_flags)) return BT_FLAGS_UNTOUCHED;
    return holds(host, len, emit_restore_flags) ? BT_FLAGS_SAVED : BT_FLAGS_ELIDED;
}
