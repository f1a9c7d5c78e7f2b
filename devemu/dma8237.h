/*
 * dma8237.h: the PC's two DMA controllers, page registers and the POST code port.
 *
 * Data sheet: Intel 8237A High Performance Programmable DMA Controller; page
 * registers 80h-8Fh as on the IBM AT. Channels 0-3 move bytes, 5-7 words
 * (counts and addresses in words); 4 is the cascade.
 */
#ifndef NOVT_DEVEMU_DMA8237_H
#define NOVT_DEVEMU_DMA8237_H

#include "devemu/dev.h"

extern const struct dev_class dma8237_class; /* no config */

/* A device's request line DREQ. */
void dma8237_set_request(struct dev *d, int channel, bool level);
/* Whether the channel is programmed, unmasked, and moves in this direction. */
bool dma8237_ready(struct dev *d, int channel, bool to_memory);
/* Moves up to len bytes between buf and guest memory, until terminal count. Returns the bytes
 * moved (whole words on channels 5-7); 0 if the channel is masked or set up for something else. */
size_t dma8237_transfer(struct dev *d, int channel, void *buf, size_t len, bool to_memory);
/* Whether the channel has reached terminal count since its status was last read or it was reprogrammed. */
bool dma8237_at_end(struct dev *d, int channel);
/* The last value written to port 80h. */
uint8_t dma8237_post_code(struct dev *d);

#endif
