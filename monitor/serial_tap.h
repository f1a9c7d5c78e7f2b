/*
 * serial_tap.h: a tap on the first serial line: what the guest has sent of late can be read by another thread, and that
 * thread can type.
 *
 * It stands between the port and its backend, and passes everything on. Bytes go into a ring that overwrites its
 * oldest; a reader that is too slow notices and loses those. Nobody is woken unless a reader has asked for it. Callers:
 * machine (life), inspect_serial.c. All but serial_tap_read on the vCPU thread.
 */
#ifndef NOVT_MONITOR_SERIAL_TAP_H
#define NOVT_MONITOR_SERIAL_TAP_H

#include "devemu/dev.h"

enum { SERIAL_TAP_KEPT = 64 << 10 /* a power of two */, SERIAL_TAP_TYPED = 4096 };

struct serial_tap {
    struct dev_chr front; /* the port's */
    struct dev_chr *back; /* NULL: none */
    void (*woken)(void *opaque);
    void *opaque;
    bool wanted; /* the reader wants to be woken; taken back when it is */
    uint64_t sent;
    uint32_t typed_at, typed;
    uint8_t typing[SERIAL_TAP_TYPED];
    uint8_t kept[SERIAL_TAP_KEPT];
};

void serial_tap_init(struct serial_tap *t, struct dev_chr *back, void (*woken)(void *opaque), void *opaque);
/* Copies what follows byte *from of all that was sent; *from moves on, over what is lost too. Any thread. */
size_t serial_tap_read(struct serial_tap *t, uint64_t *from, uint8_t *buf, size_t size);
/* Types as many bytes as there is room for; they reach the guest as it reads. */
size_t serial_tap_type(struct serial_tap *t, const uint8_t *bytes, size_t n);
#endif
