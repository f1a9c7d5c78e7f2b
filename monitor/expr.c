#include "monitor/expr.h"

static bool unary(uint32_t op, uint64_t *v) {
    switch (op) {
    case MON_EXPR_NEG: *v = 0 - *v; return true;
    case MON_EXPR_INVERT: *v = ~*v; return true;
    case MON_EXPR_NOT: *v = !*v; return true;
    default: return false;
    }
}

static bool binary(uint32_t op, uint64_t *v, uint64_t w) {
    switch (op) {
    case MON_EXPR_MUL: *v *= w; return true;
    case MON_EXPR_DIV: return w && (*v /= w, true);
    case MON_EXPR_MOD: return w && (*v %= w, true);
    case MON_EXPR_ADD: *v += w; return true;
    case MON_EXPR_SUB: *v -= w; return true;
    case MON_EXPR_AND: *v &= w; return true;
    case MON_EXPR_OR: *v |= w; return true;
    case MON_EXPR_XOR: *v ^= w; return true;
    case MON_EXPR_EQ: *v = *v == w; return true;
    case MON_EXPR_NE: *v = *v != w; return true;
    case MON_EXPR_LT: *v = *v < w; return true;
    case MON_EXPR_LE: *v = *v <= w; return true;
    case MON_EXPR_GT: *v = *v > w; return true;
    case MON_EXPR_GE: *v = *v >= w; return true;
    case MON_EXPR_BOTH: *v = *v && w; return true;
    case MON_EXPR_EITHER: *v = *v || w; return true;
    default: return false;
    }
}

bool mon_expr_eval(const struct mon_expr *e, const uint64_t var[MON_VARS], uint64_t *out) {
    uint64_t stack[MON_EXPR_OPS];
    uint32_t depth = 0;
    if (e->n > MON_EXPR_OPS) return false;
    for (uint32_t i = 0; i < e->n; i++) {
        uint32_t op = e->at[i].op;
        uint64_t value = e->at[i].value;
        if (op == MON_EXPR_NUMBER) {
            stack[depth++] = value;
        } else if (op == MON_EXPR_VAR) {
            if (value >= MON_VARS) return false;
            stack[depth++] = var[value];
        } else if (op <= MON_EXPR_NOT) {
            if (!depth || !unary(op, &stack[depth - 1])) return false;
        } else {
            if (depth < 2 || !binary(op, &stack[depth - 2], stack[depth - 1])) return false;
            depth--;
        }
    }
    if (depth != 1) return false;
    *out = stack[0];
    return true;
}
