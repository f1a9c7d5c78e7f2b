/*
 * pci.h: PCI bus 0, configuration mechanism #1, and the base of a PCI device.
 *
 * Source: PCI Local Bus Specification 2.1. The bus is a device itself (ports
 * CF8h-CFFh); a PCI device embeds `struct pci_dev` first and calls, in its
 * init: pci_dev_init, then pci_bar_* and PCI_WMASK_*; in its reset, state and
 * destroy: pci_dev_reset, pci_dev_state, pci_dev_fini. The board creates the
 * bus first and destroys it last. Decoding of BARs follows the command
 * register; a device's handlers never run while decoding is off.
 */
#ifndef NOVT_DEVEMU_PCI_H
#define NOVT_DEVEMU_PCI_H

#include "devemu/dev.h"

enum { PCI_DEVFNS = 256, PCI_BARS = 6, PCI_ROM_BAR = 6, PCI_PIRQS = 4 };
#define PCI_DEVFN(slot, fn) ((uint8_t)((slot) << 3 | (fn)))

/* Standard header, offsets. */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CACHE_LINE = 0x0C,
    PCI_LATENCY = 0x0D,
    PCI_HEADER_TYPE = 0x0E,
    PCI_BAR0 = 0x10,
    PCI_SUBSYS_VENDOR = 0x2C,
    PCI_SUBSYS_ID = 0x2E,
    PCI_ROM_ADDRESS = 0x30,
    PCI_CAP_POINTER = 0x34,
    PCI_INT_LINE = 0x3C,
    PCI_INT_PIN = 0x3D,
};
enum { PCI_CMD_IO = 1, PCI_CMD_MEM = 2, PCI_CMD_MASTER = 4, PCI_CMD_INTX_OFF = 1 << 10 };

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MMIO, PCI_BAR_FRAMES, PCI_BAR_ROM };

struct pci_bar {
    enum pci_bar_kind kind;
    uint32_t size; /* power of two */
    uint32_t base; /* where it answers now, if mapped */
    bool mapped, prefetch;
    const struct dev_io_ops *io; /* PCI_BAR_IO */
    void *opaque;
    struct smmu_mmio mmio;           /* PCI_BAR_MMIO */
    int32_t read_frame, write_frame; /* PCI_BAR_FRAMES, PCI_BAR_ROM: first frames */
};

struct pci_id {
    uint16_t vendor, device;
    uint16_t subsys_vendor, subsys;
    uint32_t class_code; /* base class << 16 | subclass << 8 | programming interface */
    uint8_t revision;
    bool multifunction;
    uint8_t int_pin; /* 0 none, 1 INTA ... 4 INTD */
};

struct pci_dev {
    struct dev dev; /* first */
    struct dev *bus;
    uint8_t devfn;
    bool int_level;
    uint8_t config[256];
    uint8_t wmask[256];       /* bits the guest may write */
    uint8_t w1c[256];         /* bits cleared by writing one */
    uint8_t reset_value[256]; /* config after reset; taken by pci_dev_ready */
    struct pci_bar bar[PCI_BARS + 1];
    /* May be NULL. Called after the guest's write has changed config[offset..offset+size). */
    void (*config_written)(struct pci_dev *pd, unsigned offset, unsigned size);
    /* May be NULL. Called before the guest reads config[offset..offset+size), which it may bring up to date. */
    void (*config_read)(struct pci_dev *pd, unsigned offset, unsigned size);
    uint8_t cap_end; /* where the next capability goes; 0: none so far */
};

/* ---- The bus ---- */
struct pci_bus_cfg {
    uint32_t mmio_low; /* lowest address a memory BAR may answer at: the end of RAM */
    struct dev *cf9;   /* reset control at byte CF9h; may be NULL */
};
extern const struct dev_class pci_bus_class;

/* Who hears INTx: level of PIRQ pin 0..3 (A..D). PIIX3 installs this. */
void pci_bus_on_pirq(struct dev *bus, void (*fn)(void *opaque, int pirq, bool level), void *opaque);
/* The device at devfn, or NULL: for the console and for firmware tables. */
struct pci_dev *pci_bus_find(struct dev *bus, uint8_t devfn);
/* Configuration cycles, as the guest's ports make them. size 1, 2, 4; never crosses a dword. */
uint32_t pci_bus_config_read(struct dev *bus, uint8_t devfn, unsigned offset, unsigned size);
void pci_bus_config_write(struct dev *bus, uint8_t devfn, unsigned offset, unsigned size, uint32_t value);

/* ---- For devices ---- */
/* Fills the header, puts the device on the bus. DEV_CONFLICT if the slot is taken. */
enum dev_status pci_dev_init(struct pci_dev *pd, struct dev *bus, uint8_t devfn, const struct pci_id *id);
/* n is 0..5; size a power of two: I/O 4..256 (more than 256 is refused by PC chip sets), memory >= 4096. */
enum dev_status pci_bar_io(struct pci_dev *pd, int n, uint32_t size, const struct dev_io_ops *ops, void *opaque);
enum dev_status pci_bar_mmio(struct pci_dev *pd, int n, uint32_t size, const struct smmu_mmio *ops);
/* Memory-backed BAR (frame buffer, option ROM copy); prefetchable. write_frame -1: read-only. */
enum dev_status pci_bar_frames(struct pci_dev *pd, int n, uint32_t size, int32_t read_frame, int32_t write_frame);
/* Expansion ROM: copies the image to ROM frames, rounds up to a power of two. */
enum dev_status pci_bar_rom(struct pci_dev *pd, const void *image, size_t bytes);
/* Adds a capability of `size` bytes (the two of its head included), zero behind the head, to the end of the list;
 * returns its offset, or 0: no room. */
uint8_t pci_add_capability(struct pci_dev *pd, uint8_t id, unsigned size);
/* Legacy-mode (IDE) or fixed registers: the guest may write these config bits. */
void pci_wmask(struct pci_dev *pd, unsigned offset, unsigned size, uint32_t mask);
void pci_set8(struct pci_dev *pd, unsigned offset, uint8_t v);
void pci_set16(struct pci_dev *pd, unsigned offset, uint16_t v);
void pci_set32(struct pci_dev *pd, unsigned offset, uint32_t v);
uint16_t pci_get16(const struct pci_dev *pd, unsigned offset);
uint32_t pci_get32(const struct pci_dev *pd, unsigned offset);
/* Takes the present config as the reset value: last call of init. */
void pci_dev_ready(struct pci_dev *pd);
void pci_dev_reset(struct pci_dev *pd);
void pci_dev_state(struct pci_dev *pd, struct dev_state *st);
void pci_dev_fini(struct pci_dev *pd);

/* Level of this device's interrupt pin; repeated calls with one level are free. */
void pci_set_intx(struct pci_dev *pd, bool level);
static inline uint32_t pci_bar_base(const struct pci_dev *pd, int n) { return pd->bar[n].base; }
/* Whether the device may start DMA; the transfer itself is smmu_mem_read/write. */
static inline bool pci_may_master(const struct pci_dev *pd) { return pd->config[PCI_COMMAND] & PCI_CMD_MASTER; }
#endif
