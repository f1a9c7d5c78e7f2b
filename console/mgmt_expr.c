/*
 * mgmt_expr.c: expressions in text lines, such as $esp+4*8: 64-bit arithmetic that wraps; bounded depth.
 */
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_line.h"

enum { DEPTH_MAX = 32 };

struct expr {
    struct mgmt_call *c;
    const char *at;
    unsigned depth;
    bool have_registers;
    struct mon_registers registers;
};

static bool sum(struct expr *e, uint64_t *v);

static void skip(struct expr *e) {
    while (*e->at == ' ' || *e->at == '\t') e->at++;
}

static bool fail(struct expr *e, const char *what) { return mgmt_fail(e->c, "%s: '%.60s'", what, e->at), false; }

/* ---- Values ---- */

static bool load_registers(struct expr *e) {
    if (!e->have_registers) e->have_registers = mgmt_asked(e->c, mon_ask_registers(e->c->machine, &e->registers), NULL);
    return e->have_registers;
}

static bool find_register(const struct mon_registers *r, const char *name, size_t len, uint64_t *v) {
    static const char *const gprs[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    const struct {
        const char *name;
        uint32_t value;
    } others[] = {{"eip", r->eip},       {"pc", r->segment[1].base + r->eip},
                  {"eflags", r->eflags}, {"cr0", r->cr0},
                  {"cr2", r->cr2},       {"cr3", r->cr3},
                  {"cr4", r->cr4}};
    for (int i = 0; i < 8; i++)
        if (strlen(gprs[i]) == len && !memcmp(gprs[i], name, len)) return *v = r->gpr[i], true;
    for (int i = 0; i < 6; i++)
        if (strlen(segs[i]) == len && !memcmp(segs[i], name, len)) return *v = r->segment[i].selector, true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i].name) == len && !memcmp(others[i].name, name, len)) return *v = others[i].value, true;
    return false;
}

static bool take_register(struct expr *e, uint64_t *v) {
    size_t len = strspn(e->at + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
    if (!load_registers(e)) return false;
    if (!find_register(&e->registers, e->at + 1, len, v)) return fail(e, "no such register");
    e->at += len + 1;
    return true;
}

static bool take_number(struct expr *e, uint64_t *v) {
    char *end;
    *v = strtoull(e->at, &end, 0);
    if (end == e->at) return fail(e, "an address or expression is wanted");
    e->at = end;
    return true;
}

static bool take_parenthesis(struct expr *e, uint64_t *v) {
    e->at++;
    if (!sum(e, v)) return false;
    if (*e->at != ')') return fail(e, "')' is missing");
    e->at++;
    return true;
}

static bool value(struct expr *e, uint64_t *v) {
    bool ok;
    skip(e);
    if (e->depth == DEPTH_MAX) return fail(e, "too deep");
    e->depth++;
    switch (*e->at) {
    case '(': ok = take_parenthesis(e, v); break;
    case '$': ok = take_register(e, v); break;
    case '-': e->at++, ok = value(e, v), *v = ok ? 0 - *v : 0; break;
    case '~': e->at++, ok = value(e, v), *v = ok ? ~*v : 0; break;
    case '+': ok = fail(e, "an address or expression is wanted"); break;
    default: ok = take_number(e, v);
    }
    e->depth--;
    skip(e);
    return ok;
}

/* ---- Operators: * / % before + - & | ^ ---- */

static bool product(struct expr *e, uint64_t *v) {
    if (!value(e, v)) return false;
    while (*e->at == '*' || *e->at == '/' || *e->at == '%') {
        char op = *e->at++;
        uint64_t w;
        if (!value(e, &w)) return false;
        if (op != '*' && !w) return fail(e, "division by zero");
        *v = op == '*' ? *v * w : op == '/' ? *v / w : *v % w;
    }
    return true;
}

static bool sum(struct expr *e, uint64_t *v) {
    if (!product(e, v)) return false;
    while (*e->at && strchr("+-&|^", *e->at)) {
        char op = *e->at++;
        uint64_t w;
        if (!product(e, &w)) return false;
        switch (op) {
        case '+': *v += w; break;
        case '-': *v -= w; break;
        case '&': *v &= w; break;
        case '|': *v |= w; break;
        default: *v ^= w;
        }
    }
    return true;
}

bool mgmt_expr(struct mgmt_call *c, const char *text, int64_t *out) {
    struct expr e = {.c = c, .at = text};
    uint64_t v = 0;
    if (!sum(&e, &v)) return false;
    if (*e.at) return fail(&e, "unexpected in an expression");
    *out = (int64_t)v;
    return true;
}
