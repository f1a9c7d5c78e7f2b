/* control.c: calls, returns and indirect transfers: what a translator must keep predictable. */
#include "bench.h"

/* ---- Recursion ---- */

static OPAQUE uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint32_t bench_fib(void) { return fib(32); }

static OPAQUE uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

/* Up to 1021 frames deep. */
uint32_t bench_ackermann(void) {
    uint32_t sum = 0;
    for (int i = 0; i < 2; i++) sum += ackermann(3, 7);
    return sum;
}

/* ---- A switch compiled to a jump table ---- */

enum { OP_ADD, OP_SUB, OP_XOR, OP_SHIFT, OP_LOAD, OP_STORE, OP_SWAP, OP_NEXT, OPS };

static OPAQUE uint32_t interpret(const uint8_t *code, uint32_t length, uint32_t steps) {
    uint32_t a = 1, b = 2, pc = 0, memory[16] = {0};
    while (steps--) {
        uint8_t op = code[pc];
        if (++pc == length) pc = 0;
        switch (op & 7) {
        case OP_ADD: a += b; break;
        case OP_SUB: b -= a; break;
        case OP_XOR: a ^= b >> 3; break;
        case OP_SHIFT: a = a << 5 | a >> 27; break;
        case OP_LOAD: b += memory[op >> 4]; break;
        case OP_STORE: memory[op >> 4] = a; break;
        case OP_SWAP: a ^= b, b ^= a, a ^= b; break;
        case OP_NEXT: a++; break;
        }
    }
    return mix(a, b);
}

uint32_t bench_interpreter(void) {
    uint8_t code[251];
    uint32_t seed = 7;
    for (unsigned i = 0; i < sizeof code; i++) code[i] = (uint8_t)next_random(&seed);
    return interpret(code, sizeof code, 4000000);
}

/* ---- Calls through a pointer that has four values ---- */

static OPAQUE uint32_t add1(uint32_t x) { return x + 1; }
static OPAQUE uint32_t rotate(uint32_t x) { return x << 3 | x >> 29; }
static OPAQUE uint32_t invert(uint32_t x) { return ~x; }
static OPAQUE uint32_t scramble(uint32_t x) { return x * 2654435761u; }

uint32_t bench_indirect(void) {
    static uint32_t (*volatile const targets[4])(uint32_t) = {add1, rotate, invert, scramble};
    uint32_t x = 1;
    for (uint32_t i = 0; i < 4000000; i++) x = targets[i * 7 % 13 & 3](x);
    return x;
}
