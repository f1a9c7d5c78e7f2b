/*
 * nics.h: the machine's network adapters: the table of models, the networks
 * behind them, their expansion ROMs. Callers: machine, board, config.
 */
#ifndef NOVT_MONITOR_NICS_H
#define NOVT_MONITOR_NICS_H

#include "devemu/dev.h"
#include "devemu/ne2000.h"
#include "devemu/net.h"
#include "monitor/events.h"
#include "monitor/monitor.h"

enum { NIC_ROM_MAX_BYTES = 256 << 10 };

/* What can be checked without files and descriptors. */
bool nics_check(const struct mon_net_config *cfg, char *errbuf, size_t errlen);

struct nics;
/* cfg outlives it. NULL: errbuf holds one line. */
struct nics *nics_open(const struct mon_config *cfg, struct mon_events *events, char *errbuf, size_t errlen);
/* After the adapters are gone. NULL is nothing. */
void nics_close(struct nics *n);

/* What the board makes of position i: the class to create, NULL: nothing is there. Of the configuration the part
 * that belongs to the class is filled: by the bus it sits on; ISA models have an IRQ number for the board to wire. */
struct nic_place {
    const struct dev_class *cls;
    bool isa;
    unsigned irq;
    struct nic_pci_config pci; /* bus and devfn are the board's */
    struct ne2000_isa_config ne2000_isa;
};
void nics_describe(const struct nics *n, unsigned i, struct nic_place *out);
#endif
