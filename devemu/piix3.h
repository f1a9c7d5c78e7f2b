/*
 * piix3.h: Intel 82371SB (PIIX3) PCI-to-ISA bridge, function 0: PIRQ routing.
 *
 * Source: Intel 82371FB/82371SB datasheet (290550), "PCI to ISA Bridge
 * Registers". Hears PIRQA-D from the PCI bus and pulls the ISA IRQ lines that
 * PIRQRC[A:D] (60h-63h) name. Reset control at CF9h is devemu/cf9.
 */
#ifndef NOVT_DEVEMU_PIIX3_H
#define NOVT_DEVEMU_PIIX3_H

#include "devemu/pci.h"

struct piix3_cfg {
    struct dev *bus;
    /* Lines of its own, not shared with other sources of one IRQ: the router ORs them. */
    struct dev_line isa_irq[16];
};
extern const struct dev_class piix3_class;
#endif
