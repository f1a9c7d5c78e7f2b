/*
 * flat.h: raw test images: bytes at an address, entered there without firmware.
 *
 * 32-bit: protected mode, paging off, flat segments at CPL 0 (CS selector 8, the
 * others 10h), ESP 7000h. Real mode: CS:IP = address as seg:0 where it is a
 * paragraph below 1 MiB, all other segments 0, SP 7000h. Interrupts off.
 * Caller: machine.
 */
#ifndef NOVT_MONITOR_FLAT_H
#define NOVT_MONITOR_FLAT_H

#include <stdbool.h>
#include <stddef.h>

struct machine;
struct image;

/* Does the image fit? False: errbuf holds one line. */
bool flat_check(const struct machine *m, const struct image *im, char *errbuf, size_t errlen);
/* Loads the image and sets the CPU to its start: after every reset. */
void flat_enter(struct machine *m, const struct image *im);
#endif
