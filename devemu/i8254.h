/*
 * i8254.h: the PC's interval timer, ports 40h-43h.
 *
 * Data sheet: Intel 82C54 CHMOS Programmable Interval Timer. Clock 1193182 Hz.
 * Channel 0 drives IRQ 0, channel 1 is unused (refresh), channel 2 the speaker.
 *
 * Lost ticks: edges of a periodic channel 0 that came due while one was still
 * waiting are delivered one by one, each after the guest took the one before.
 */
#ifndef NOVT_DEVEMU_I8254_H
#define NOVT_DEVEMU_I8254_H

#include "devemu/dev.h"

#define I8254_HZ 1193182u

struct i8254_config {
    struct dev_line irq0;
};

extern const struct dev_class i8254_class;

/* Gate input; channels 0 and 1 have theirs tied high. */
void i8254_set_gate(struct dev *d, int channel, bool level);
bool i8254_out(struct dev *d, int channel);
/* The guest took the timer interrupt (INTA of IRQ 0, from whichever controller). If
 * nobody ever calls this, missed edges are delivered a fraction of a period apart. */
void i8254_irq_acked(struct dev *d);
/* The DRAM refresh request, as port 61h bit 4 shows it: toggles every 15.1 us. */
bool i8254_refresh_toggle(struct dev *d);

#endif
