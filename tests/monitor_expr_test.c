/* monitor_expr_test.c: expressions as they are evaluated: every operation, and programs that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "monitor/expr.h"

static void push(struct mon_expr *e, uint32_t op, uint64_t value) {
    e->at[e->n].op = op;
    e->at[e->n++].value = value;
}

static void test_operations(void **state) {
    static const struct {
        uint32_t op;
        uint64_t a, b, expected;
    } rows[] = {
        {MON_EXPR_MUL, 6, 7, 42},    {MON_EXPR_DIV, 43, 7, 6}, {MON_EXPR_MOD, 43, 7, 1},   {MON_EXPR_ADD, ~0ull, 2, 1},
        {MON_EXPR_SUB, 1, 2, ~0ull}, {MON_EXPR_AND, 6, 3, 2},  {MON_EXPR_OR, 6, 3, 7},     {MON_EXPR_XOR, 6, 3, 5},
        {MON_EXPR_EQ, 1, 1, 1},      {MON_EXPR_NE, 1, 1, 0},   {MON_EXPR_LT, 1, ~0ull, 1}, {MON_EXPR_LE, 2, 2, 1},
        {MON_EXPR_GT, 1, ~0ull, 0},  {MON_EXPR_GE, 2, 2, 1},   {MON_EXPR_BOTH, 2, 4, 1},   {MON_EXPR_BOTH, 2, 0, 0},
        {MON_EXPR_EITHER, 0, 8, 1},
    };
    const uint64_t var[MON_VARS] = {[MON_VAR_VECTOR] = 9};
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mon_expr e = {0};
        push(&e, MON_EXPR_NUMBER, rows[i].a), push(&e, MON_EXPR_NUMBER, rows[i].b), push(&e, rows[i].op, 0);
        assert_true(mon_expr_eval(&e, var, &v));
        assert_int_equal(v, rows[i].expected);
    }
    struct mon_expr e = {0};
    push(&e, MON_EXPR_VAR, MON_VAR_VECTOR), push(&e, MON_EXPR_NEG, 0), push(&e, MON_EXPR_INVERT, 0);
    assert_true(mon_expr_eval(&e, var, &v));
    assert_int_equal(v, 8);
    push(&e, MON_EXPR_NOT, 0);
    assert_true(mon_expr_eval(&e, var, &v));
    assert_int_equal(v, 0);
}

static void test_no_programs(void **state) {
    const uint64_t var[MON_VARS] = {0};
    struct mon_expr e = {0};
    uint64_t v;
    (void)state;
    assert_false(mon_expr_eval(&e, var, &v)); /* nothing */
    push(&e, MON_EXPR_ADD, 0);
    assert_false(mon_expr_eval(&e, var, &v)); /* of nothing */
    e.n = 0;
    push(&e, MON_EXPR_VAR, MON_VARS);
    assert_false(mon_expr_eval(&e, var, &v));
    e.n = 0;
    push(&e, MON_EXPR_NUMBER, 1), push(&e, MON_EXPR_NUMBER, 0);
    assert_false(mon_expr_eval(&e, var, &v)); /* two values */
    push(&e, MON_EXPR_DIV, 0);
    assert_false(mon_expr_eval(&e, var, &v));
    e.at[2].op = 1000;
    assert_false(mon_expr_eval(&e, var, &v));
    for (e.n = 0; e.n < MON_EXPR_OPS;) push(&e, MON_EXPR_NUMBER, 1);
    assert_false(mon_expr_eval(&e, var, &v));
    e.n = MON_EXPR_OPS + 1;
    assert_false(mon_expr_eval(&e, var, &v));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_operations), cmocka_unit_test(test_no_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
