/*
 * png.h: writes an image file. Caller: screen. libc and zlib may run.
 */
#ifndef NOVT_MONITOR_PNG_H
#define NOVT_MONITOR_PNG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* width*height pixels 00RRGGBB, as 8-bit RGB. False: errno tells. */
bool png_write(FILE *f, const uint32_t *pixels, unsigned width, unsigned height);
#endif
