#include "monitor/nics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "devemu/boot.h"
#include "devemu/e1000.h"
#include "devemu/rtl8139.h"
#include "devemu/virtio_net.h"
#include "monitor/image.h"
#include "monitor/net.h"

#define ROM_PLACE "/usr/lib/ipxe/qemu/" /* Debian's package ipxe-qemu */

/* ---- Models. The first is the default ---- */

struct nic_model {
    const char *name;
    const struct dev_class *cls; /* on PCI its configuration is struct nic_pci_config */
    const char *rom;             /* on PCI: file that boots from the network */
    bool isa;
};

static const struct nic_model models[] = {
    {"e1000", &e1000_class, ROM_PLACE "pxe-e1000.rom", false},
    {"rtl8139", &rtl8139_class, ROM_PLACE "pxe-rtl8139.rom", false},
    {"virtio", &virtio_net_class, ROM_PLACE "pxe-virtio.rom", false},
    {"ne2k_pci", &ne2000_pci_class, ROM_PLACE "pxe-ne2k_pci.rom", false},
    {"ne2k_isa", &ne2000_isa_class, NULL, true},
};
enum { MODELS = sizeof models / sizeof models[0] };

const char *const *mon_nic_models(void) {
    static const char *names[MODELS + 1];
    for (int i = 0; i < MODELS; i++) names[i] = models[i].name;
    return names;
}

static const struct nic_model *find_model(const char *name) {
    if (!name) return &models[0];
    for (int i = 0; i < MODELS; i++)
        if (!strcmp(models[i].name, name)) return &models[i];
    return NULL;
}

/* ---- What the user may ask for ---- */

enum { ISA_IOBASE = 0x300, ISA_IRQ = 9 };

static unsigned iobase_of(const struct mon_nic_config *c) { return c->iobase ? c->iobase : ISA_IOBASE; }
static unsigned irq_of(const struct mon_nic_config *c) { return c->irq ? c->irq : ISA_IRQ; }

static bool fail(char *errbuf, size_t errlen, const char *text) {
    snprintf(errbuf, errlen, "net: %s", text);
    return false;
}

/* Where cards have their jumpers, as far as nothing else on the board answers there. */
static bool check_isa(const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    unsigned base = iobase_of(c), irq = irq_of(c);
    bool good_base = base >= 0x200 && base <= 0x340 && base % 0x20 == 0 && base != 0x2E0;
    bool good_irq = irq == 3 || irq == 5 || irq == 7 || (irq >= 9 && irq <= 11);
    if (c->rom) return fail(errbuf, errlen, "an ISA adapter has no expansion ROM");
    if (!good_base) return fail(errbuf, errlen, "iobase must be 0x200 to 0x340 in steps of 0x20, without 0x2e0");
    return good_irq || fail(errbuf, errlen, "irq must be 3, 5, 7, 9, 10 or 11");
}

static bool check_kind(const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    bool user = c->hostfwds || c->restricted || c->tftp || c->bootfile;
    if (c->kind == MON_NET_TAP && user)
        return fail(errbuf, errlen, "hostfwd, restrict, tftp and bootfile are for user networks");
    if (c->kind == MON_NET_TAP && c->fd < 0) return fail(errbuf, errlen, "tap needs fd=N, an open descriptor");
    return c->kind == MON_NET_TAP || c->fd < 0 || fail(errbuf, errlen, "fd is for tap");
}

static bool check_nic(const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    const struct nic_model *m = find_model(c->model);
    if (!m) {
        snprintf(errbuf, errlen, "net: unknown model '%s'", c->model);
        return false;
    }
    if (!check_kind(c, errbuf, errlen)) return false;
    if (m->isa) return check_isa(c, errbuf, errlen);
    return (!c->iobase && !c->irq) || fail(errbuf, errlen, "iobase and irq are for ISA models");
}

static bool same_ports(const struct mon_nic_config *a, const struct mon_nic_config *b) {
    return find_model(a->model)->isa && find_model(b->model)->isa && iobase_of(a) == iobase_of(b);
}

bool nics_check(const struct mon_net_config *cfg, char *errbuf, size_t errlen) {
    for (unsigned i = 0; i < cfg->nics; i++) {
        if (!check_nic(&cfg->nic[i], errbuf, errlen)) return false;
        for (unsigned k = 0; k < i; k++)
            if (same_ports(&cfg->nic[k], &cfg->nic[i]))
                return fail(errbuf, errlen, "two adapters have the same iobase");
    }
    return true;
}

/* ---- Opening ---- */

struct nic {
    const struct mon_nic_config *cfg;
    const struct nic_model *model; /* NULL: nothing here */
    struct mon_net *net;
    struct image rom;
};

struct nics {
    struct nic nic[MON_NICS];
};

static bool boots_from_network(const struct mon_config *cfg) {
    const char *orders[] = {cfg->drives.boot, cfg->boot.once};
    for (int i = 0; i < 2; i++)
        if (orders[i] && strchr(orders[i], 'n')) return true;
    return false;
}

/* The ROM takes its time, so it is there for who asked for an adapter or for booting from the network, and does not
 * load a kernel directly. Without the host's package there is no such booting, which is all that is lost. */
static const char *rom_path(const struct nic *n, const struct mon_config *cfg) {
    if (n->cfg->rom) return strcmp(n->cfg->rom, "none") ? n->cfg->rom : NULL;
    if (cfg->net.by_default && !boots_from_network(cfg)) return NULL;
    if (cfg->kernel || cfg->flat_image || !n->model->rom || access(n->model->rom, R_OK)) return NULL;
    return n->model->rom;
}

static bool open_nic(struct nic *n, const struct mon_nic_config *c, const struct mon_config *cfg,
                     struct mon_events *events, char *errbuf, size_t errlen) {
    n->cfg = c;
    n->model = find_model(c->model);
    const char *rom = rom_path(n, cfg);
    if (rom && boot_read_file(rom, NIC_ROM_MAX_BYTES, &n->rom.data, &n->rom.size, errbuf, errlen) != BOOT_OK)
        return false;
    n->net = net_open(c, events, errbuf, errlen);
    return n->net != NULL;
}

struct nics *nics_open(const struct mon_config *cfg, struct mon_events *events, char *errbuf, size_t errlen) {
    struct nics *s = calloc(1, sizeof *s);
    if (!s) {
        fail(errbuf, errlen, "out of memory");
        return NULL;
    }
    /* An image that runs without firmware is alone unless somebody asks for company. */
    unsigned count = cfg->net.by_default && cfg->flat_image ? 0 : cfg->net.nics;
    for (unsigned i = 0; i < count; i++) {
        if (open_nic(&s->nic[i], &cfg->net.nic[i], cfg, events, errbuf, errlen)) continue;
        nics_close(s);
        return NULL;
    }
    return s;
}

void nics_close(struct nics *s) {
    for (unsigned i = 0; s && i < MON_NICS; i++) {
        net_close(s->nic[i].net);
        free(s->nic[i].rom.data);
    }
    free(s);
}

/* ---- For the board ---- */

static void fill_mac(const struct nic *n, unsigned i, uint8_t mac[NET_MAC_BYTES]) {
    static const uint8_t first[NET_MAC_BYTES] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    memcpy(mac, n->cfg->mac_given ? n->cfg->mac : first, NET_MAC_BYTES);
    if (!n->cfg->mac_given) mac[NET_MAC_BYTES - 1] = (uint8_t)(first[NET_MAC_BYTES - 1] + i);
}

void nics_describe(const struct nics *s, unsigned i, struct nic_place *out) {
    const struct nic *n = &s->nic[i];
    *out = (struct nic_place){0};
    if (!n->model) return;
    out->cls = n->model->cls;
    out->isa = n->model->isa;
    if (out->isa) {
        out->irq = irq_of(n->cfg);
        out->ne2000_isa = (struct ne2000_isa_config){.base = (uint16_t)iobase_of(n->cfg), .net = &n->net->dev};
        fill_mac(n, i, out->ne2000_isa.mac);
    } else {
        out->pci = (struct nic_pci_config){.net = &n->net->dev, .rom = n->rom.data, .rom_size = n->rom.size};
        fill_mac(n, i, out->pci.mac);
    }
}
