/*
 * pointer.h: the user's pointer on its way to the guest.
 *
 * Displays say where it is. If the guest uses an absolute device (a tablet), that is told the same; else the PS/2
 * mouse moves by the difference, counted in dots of the screen. One state for all displays and clients, so that the
 * mouse moves from where the last of them left it. Callers: machine (life), board (tablet), displays. vCPU thread only.
 */
#ifndef NOVT_MONITOR_POINTER_H
#define NOVT_MONITOR_POINTER_H

#include "devemu/dev.h"

enum { POINTER_MAX = 32767 }; /* coordinates are 0..this, of the whole screen */
enum { POINTER_LEFT = 1, POINTER_RIGHT = 2, POINTER_MIDDLE = 4, POINTER_SIDE = 8, POINTER_EXTRA = 16 };

/* A device that knows positions. */
struct pointer_absolute {
    bool (*in_use)(void *opaque); /* does the guest's driver read it? */
    /* wheel: notches away from the user. */
    void (*event)(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons);
    void *opaque;
};

struct pointer {
    struct dev *i8042, *vga; /* vga NULL: no display adapter */
    struct pointer_absolute absolute;
    unsigned x, y, buttons;
    bool known; /* x and y mean something */
};

/* The parts must outlive it. */
void pointer_init(struct pointer *p, struct dev *i8042, struct dev *vga);
/* There is an absolute device. */
void pointer_attach(struct pointer *p, const struct pointer_absolute *absolute);

/* The pointer is here; larger coordinates count as POINTER_MAX. */
void pointer_move_abs(struct pointer *p, unsigned x, unsigned y);
/* It moved by so many dots: right, down. */
void pointer_move_rel(struct pointer *p, int dx, int dy);
/* These buttons are down now. */
void pointer_buttons(struct pointer *p, unsigned buttons);
/* The wheel turned: notches away from the user. */
void pointer_wheel(struct pointer *p, int notches);
/* Nobody points any more: buttons go up, and the next position is where it starts. */
void pointer_leave(struct pointer *p);

/* From a dot of a screen so wide (or high) to a coordinate, and back: exact for up to POINTER_MAX dots. */
static inline unsigned pointer_scale(unsigned dot, unsigned dots) {
    return dots < 2 ? 0 : (unsigned)(((uint64_t)dot * POINTER_MAX + (dots - 1) / 2) / (dots - 1));
}
static inline unsigned pointer_dot(unsigned at, unsigned dots) {
    return dots < 2 ? 0 : (unsigned)(((uint64_t)at * (dots - 1) + POINTER_MAX / 2) / POINTER_MAX);
}
#endif
