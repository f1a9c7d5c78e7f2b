/* fpu.c: parking the guest's x87/MMX/SSE state in memory while C may use the registers. */
#include "bt/bt_internal.h"

void bt_fpu_park(struct bt_cpu *c) {
    if (c->fpu_parked) return;
    static const uint32_t clean_mxcsr = 0x1F80;
    __asm__ volatile("fxsave %0\n\tfninit\n\tldmxcsr %1" : "=m"(c->fpu_area) : "m"(clean_mxcsr) : "memory");
    c->fpu_parked = true;
}
