/*
 * mgmt_expr.c: expressions in text lines, such as $esp+4*8 or schedule+0x10: parsed into a program (monitor/expr.h),
 * which is run here, or by the vCPU thread as the condition of a trace. Bounded depth and size.
 */
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_line.h"
#include "monitor/inspect_cache.h"

enum { DEPTH_MAX = 32 };

struct parser {
    struct mgmt_call *c;
    const char *at;
    unsigned depth;
    bool event; /* there is one: $address and the like */
    struct mon_expr *out;
};

static bool either(struct parser *e);

static void skip(struct parser *e) {
    while (*e->at == ' ' || *e->at == '\t') e->at++;
}

static bool fail(struct parser *e, const char *what) { return mgmt_fail(e->c, "%s: '%.60s'", what, e->at), false; }

static bool emit(struct parser *e, enum mon_expr_op op, uint64_t value) {
    if (e->out->n == MON_EXPR_OPS) return fail(e, "too long");
    e->out->at[e->out->n].op = op;
    e->out->at[e->out->n++].value = value;
    return true;
}

/* ---- Values ---- */

static const struct {
    const char *name;
    unsigned var;
} names[] = {
    {"eax", MON_VAR_EAX},       {"ecx", MON_VAR_EAX + 1},   {"edx", MON_VAR_EAX + 2},     {"ebx", MON_VAR_EBX},
    {"esp", MON_VAR_EAX + 4},   {"ebp", MON_VAR_EAX + 5},   {"esi", MON_VAR_EAX + 6},     {"edi", MON_VAR_EAX + 7},
    {"es", MON_VAR_ES},         {"cs", MON_VAR_ES + 1},     {"ss", MON_VAR_ES + 2},       {"ds", MON_VAR_ES + 3},
    {"fs", MON_VAR_ES + 4},     {"gs", MON_VAR_ES + 5},     {"eip", MON_VAR_EIP},         {"pc", MON_VAR_PC},
    {"eflags", MON_VAR_EFLAGS}, {"cr0", MON_VAR_CR0},       {"cr2", MON_VAR_CR2},         {"cr3", MON_VAR_CR3},
    {"cr4", MON_VAR_CR4},       {"cpl", MON_VAR_CPL},       {"address", MON_VAR_ADDRESS}, {"value", MON_VAR_VALUE},
    {"size", MON_VAR_SIZE},     {"vector", MON_VAR_VECTOR}, {"port", MON_VAR_ADDRESS},
};

static bool take_variable(struct parser *e) {
    size_t len = strspn(e->at + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) != len || memcmp(names[i].name, e->at + 1, len)) continue;
        if (names[i].var >= MON_VAR_REGISTERS && !e->event) return fail(e, "only an event has that");
        e->at += len + 1;
        return emit(e, MON_EXPR_VAR, names[i].var);
    }
    return fail(e, "no such register");
}

static bool take_number(struct parser *e) {
    char *end;
    uint64_t v = strtoull(e->at, &end, 0);
    if (end == e->at) return fail(e, "an address or expression is wanted");
    e->at = end;
    return emit(e, MON_EXPR_NUMBER, v);
}

static size_t symbol_length(const char *s) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return *s && strchr(first, *s) ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.") : 0;
}

/* A symbol of the guest's. */
static bool take_symbol(struct parser *e, size_t len) {
    struct mon_symbol_address s = {0};
    if (len >= sizeof s.name || !e->c->machine) return fail(e, "no such symbol");
    memcpy(s.name, e->at, len);
    if (!mgmt_asked(e->c, mon_ask_symbol_address(e->c->machine, &s), NULL)) return false;
    if (!s.found) return fail(e, "no such symbol");
    e->at += len;
    return emit(e, MON_EXPR_NUMBER, s.address);
}

static bool take_parenthesis(struct parser *e) {
    e->at++;
    if (!either(e)) return false;
    if (*e->at != ')') return fail(e, "')' is missing");
    e->at++;
    return true;
}

static bool value(struct parser *e);

static bool take_unary(struct parser *e, enum mon_expr_op op) {
    e->at++;
    return value(e) && emit(e, op, 0);
}

static bool value(struct parser *e) {
    bool ok;
    skip(e);
    if (e->depth == DEPTH_MAX) return fail(e, "too deep");
    e->depth++;
    size_t symbol = symbol_length(e->at);
    switch (*e->at) {
    case '(': ok = take_parenthesis(e); break;
    case '$': ok = take_variable(e); break;
    case '-': ok = take_unary(e, MON_EXPR_NEG); break;
    case '~': ok = take_unary(e, MON_EXPR_INVERT); break;
    case '!': ok = take_unary(e, MON_EXPR_NOT); break;
    case '+': ok = fail(e, "an address or expression is wanted"); break;
    default: ok = symbol ? take_symbol(e, symbol) : take_number(e);
    }
    e->depth--;
    skip(e);
    return ok;
}

/* ---- Operators: * / % before + - & | ^ before comparisons before && before || ---- */

static bool product(struct parser *e) {
    if (!value(e)) return false;
    while (*e->at == '*' || *e->at == '/' || *e->at == '%') {
        char op = *e->at++;
        if (!value(e) || !emit(e, op == '*' ? MON_EXPR_MUL : op == '/' ? MON_EXPR_DIV : MON_EXPR_MOD, 0)) return false;
    }
    return true;
}

static bool doubled(const char *at) { return (*at == '&' || *at == '|') && at[1] == at[0]; }

static bool sum(struct parser *e) {
    static const char letters[] = "+-&|^";
    static const enum mon_expr_op ops[] = {MON_EXPR_ADD, MON_EXPR_SUB, MON_EXPR_AND, MON_EXPR_OR, MON_EXPR_XOR};
    if (!product(e)) return false;
    for (const char *found; *e->at && !doubled(e->at) && (found = strchr(letters, *e->at));) {
        e->at++;
        if (!product(e) || !emit(e, ops[found - letters], 0)) return false;
    }
    return true;
}

static bool comparison(struct parser *e) {
    static const struct {
        const char *text;
        enum mon_expr_op op;
    } ops[] = {{"==", MON_EXPR_EQ}, {"!=", MON_EXPR_NE}, {"<=", MON_EXPR_LE},
               {">=", MON_EXPR_GE}, {"<", MON_EXPR_LT},  {">", MON_EXPR_GT}};
    if (!sum(e)) return false;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        size_t len = strlen(ops[i].text);
        if (strncmp(e->at, ops[i].text, len)) continue;
        e->at += len;
        return sum(e) && emit(e, ops[i].op, 0);
    }
    return true;
}

static bool both(struct parser *e) {
    if (!comparison(e)) return false;
    while (e->at[0] == '&' && e->at[1] == '&') {
        e->at += 2;
        if (!comparison(e) || !emit(e, MON_EXPR_BOTH, 0)) return false;
    }
    return true;
}

static bool either(struct parser *e) {
    if (!both(e)) return false;
    while (e->at[0] == '|' && e->at[1] == '|') {
        e->at += 2;
        if (!both(e) || !emit(e, MON_EXPR_EITHER, 0)) return false;
    }
    return true;
}

/* ---- All of it ---- */

bool mgmt_expr_parse(struct mgmt_call *c, const char *text, bool event, struct mon_expr *out) {
    struct parser e = {.c = c, .at = text, .event = event, .out = out};
    out->n = 0;
    if (!either(&e)) return false;
    return *e.at ? fail(&e, "unexpected in an expression") : true;
}

static bool load_registers(struct mgmt_call *c, uint64_t var[MON_VARS]) {
    struct mon_registers r;
    if (!c->machine) return mgmt_fail(c, "there is no machine to ask for registers"), false;
    if (!mgmt_asked(c, mon_ask_registers(c->machine, &r), NULL)) return false;
    for (int i = 0; i < 8; i++) var[MON_VAR_EAX + i] = r.gpr[i];
    for (int i = 0; i < 6; i++) var[MON_VAR_ES + i] = r.segment[i].selector;
    var[MON_VAR_EIP] = r.eip;
    var[MON_VAR_PC] = (uint32_t)(r.segment[1].base + r.eip);
    var[MON_VAR_EFLAGS] = r.eflags;
    var[MON_VAR_CR0] = r.cr0;
    var[MON_VAR_CR2] = r.cr2;
    var[MON_VAR_CR3] = r.cr3;
    var[MON_VAR_CR4] = r.cr4;
    var[MON_VAR_CPL] = r.cpl;
    return true;
}

bool mgmt_expr(struct mgmt_call *c, const char *text, int64_t *out) {
    struct mon_expr e;
    uint64_t var[MON_VARS] = {0}, v;
    bool registers = false;
    if (!mgmt_expr_parse(c, text, false, &e)) return false;
    for (uint32_t i = 0; i < e.n; i++) registers |= e.at[i].op == MON_EXPR_VAR;
    if (registers && !load_registers(c, var)) return false;
    if (!mon_expr_eval(&e, var, &v)) return mgmt_fail(c, "division by zero: '%.60s'", text), false;
    *out = (int64_t)v;
    return true;
}
