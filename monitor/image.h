/*
 * image.h: a whole file in memory: firmware, flat image. Owned (malloc) by the machine.
 */
#ifndef NOVT_MONITOR_IMAGE_H
#define NOVT_MONITOR_IMAGE_H

#include <stddef.h>

struct image {
    void *data;
    size_t size;
};
#endif
