/*
 * expr.h: expressions on the guest's registers and on an event, in the form in which they are evaluated: public.
 *
 * The console's parser makes them; the vCPU thread evaluates the conditions of traces. 64-bit arithmetic that wraps.
 * A program may hold anything: evaluation never goes out of its bounds.
 */
#ifndef NOVT_MONITOR_EXPR_H
#define NOVT_MONITOR_EXPR_H

#include <stdbool.h>
#include <stdint.h>

enum mon_expr_op {
    MON_EXPR_NUMBER, /* value */
    MON_EXPR_VAR,    /* value: enum mon_expr_var */
    MON_EXPR_NEG,
    MON_EXPR_INVERT,
    MON_EXPR_NOT,
    MON_EXPR_MUL,
    MON_EXPR_DIV,
    MON_EXPR_MOD,
    MON_EXPR_ADD,
    MON_EXPR_SUB,
    MON_EXPR_AND,
    MON_EXPR_OR,
    MON_EXPR_XOR,
    MON_EXPR_EQ,
    MON_EXPR_NE,
    MON_EXPR_LT, /* comparisons are unsigned */
    MON_EXPR_LE,
    MON_EXPR_GT,
    MON_EXPR_GE,
    MON_EXPR_BOTH, /* && and ||: both sides are evaluated */
    MON_EXPR_EITHER,
};

/* The registers in the order of the first of them, then what an event has. */
enum mon_expr_var {
    MON_VAR_EAX,
    MON_VAR_EBX = MON_VAR_EAX + 3,
    MON_VAR_ES = MON_VAR_EAX + 8, /* ES CS SS DS FS GS: selectors */
    MON_VAR_EIP = MON_VAR_ES + 6,
    MON_VAR_PC, /* guest-linear */
    MON_VAR_EFLAGS,
    MON_VAR_CR0,
    MON_VAR_CR2,
    MON_VAR_CR3,
    MON_VAR_CR4,
    MON_VAR_CPL,
    MON_VAR_REGISTERS, /* end of those that there always are */
    MON_VAR_ADDRESS = MON_VAR_REGISTERS,
    MON_VAR_VALUE,
    MON_VAR_SIZE,
    MON_VAR_VECTOR,
    MON_VARS,
};

enum { MON_EXPR_OPS = 64 };
struct mon_expr {
    uint32_t n; /* 0: there is none */
    struct {
        uint32_t op; /* enum mon_expr_op, in reverse Polish order */
        uint64_t value;
    } at[MON_EXPR_OPS];
};

/* False: a division by zero, or not a program. */
bool mon_expr_eval(const struct mon_expr *e, const uint64_t var[MON_VARS], uint64_t *out);
#endif
