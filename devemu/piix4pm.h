/*
 * piix4pm.h: Intel 82371AB (PIIX4) function 3: ACPI power management, PM
 * timer, APM ports, GPE block, SMBus host controller without a bus.
 *
 * Source: Intel 82371AB datasheet (290562), ch. 7 "Power Management Registers";
 * ACPI specification 1.0, 4.7 "ACPI Register Model". There is no SMM: a write
 * of the FADT's ACPI_ENABLE to port B2h switches SCI_EN itself.
 */
#ifndef NOVT_DEVEMU_PIIX4PM_H
#define NOVT_DEVEMU_PIIX4PM_H

#include "devemu/pci.h"

struct piix4pm_cfg {
    struct dev *bus;
    struct dev_line sci;             /* IRQ 9 */
    bool serial1, serial2, parallel; /* which legacy ports the board has: firmware's ACPI tables look here */
    unsigned cpus;                   /* present CPUs, for the CPU bitmap at AF00h; 0 means 1 */
};
extern const struct dev_class piix4pm_class;

/* Presses the power button. False: no ACPI system listens, the caller decides. */
bool piix4pm_power_button(struct dev *d);
#endif
