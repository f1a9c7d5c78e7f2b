/*
 * board.c: the ordered list of devices and every wire between them.
 *
 * Interrupt path: device -> irq_router -> PIC input and I/O APIC pin -> local APIC -> vcpu.cpu.intr.
 */
#include "monitor/board.h"

#include <stdio.h>
#include <stdlib.h>
#include "devemu/cf9.h"
#include "devemu/debugcon.h"
#include "devemu/debugexit.h"
#include "devemu/dma8237.h"
#include "devemu/fdc82077.h"
#include "devemu/fw_cfg.h"
#include "devemu/hpet.h"
#include "devemu/i440fx.h"
#include "devemu/i8042.h"
#include "devemu/i8254.h"
#include "devemu/i8259.h"
#include "devemu/ide.h"
#include "devemu/ioapic.h"
#include "devemu/irq_router.h"
#include "devemu/lapic.h"
#include "devemu/mc146818.h"
#include "devemu/parallel.h"
#include "devemu/piix3.h"
#include "devemu/piix4pm.h"
#include "devemu/port61.h"
#include "devemu/port92.h"
#include "devemu/uart16550.h"
#include "devemu/uhci.h"
#include "devemu/usb_tablet.h"
#include "devemu/vga.h"
#include "devemu/virtio_blk.h"
#include "monitor/cmos.h"
#include "monitor/cpuid.h"
#include "monitor/drives.h"
#include "monitor/ferr.h"
#include "monitor/firmware.h"
#include "monitor/machine.h"
#include "monitor/nics.h"

enum {
    IRQ_PIT = 0,
    IRQ_KEYBOARD = 1,
    IRQ_FLOPPY = 6,
    IRQ_PARALLEL = 7,
    IRQ_RTC = 8,
    IRQ_SCI = 9,
    IRQ_MOUSE = 12,
    IRQ_FPU = 13,
    IRQ_IDE = 14
};
enum {
    ISA_IRQS = 16,
    IOAPIC_PIT_PIN = 2,
    PORT_FPU = 0xF0,
    PORT_DEBUGCON = 0xE9,
    PORT_FIRMWARE_LOG = 0x402,
    PORT_PARALLEL = 0x378
};
static const struct {
    uint16_t port;
    uint8_t irq;
} serial_places[MON_SERIALS] = {{0x3F8, 4}, {0x2F8, 3}, {0x3E8, 4}, {0x2E8, 3}};
enum { DEVFN_VGA = PCI_DEVFN(2, 0) };
enum { CPUS = 1, ROM_SPARE = (1 << 20) + VGA_FRAME_BYTES + MON_NICS * NIC_ROM_MAX_BYTES /* ROMs, video memory */ };

/* Positions in the list. */
enum slot {
    LAPIC,
    IOAPIC,
    PIC,
    ROUTER,
    HPET,
    PIT,
    RTC,
    DMA,
    PORT61,
    PORT92,
    KEYBOARD,
    CF9,
    PCI,
    HOST_BRIDGE,
    ISA_BRIDGE,
    IDE,
    TABLET,
    UHCI,
    FLOPPY,
    PM,
    VGA,
    NIC0,
    NIC_LAST = NIC0 + MON_NICS - 1,
    VIRTIO_DISK,
    VIRTIO_DISK_LAST = VIRTIO_DISK + MON_VIRTIO_DISKS - 1,
    FW_CFG,
    SERIAL,
    SERIAL_2,
    SERIAL_3,
    SERIAL_4,
    PARALLEL,
    DEBUGCON,
    FIRMWARE_LOG,
    DEBUGEXIT,
    SLOTS
};

struct board {
    struct machine *m;
    const struct board_config *cfg; /* during creation only */
    int unit;                       /* during creation: the row's */
    bool booted;                    /* the first reset is done */
    const struct dev_class *cls;    /* during creation: the row's, unless config chooses */
    struct apic_bus apic_bus;
    struct a20_gate a20;
    struct dev_line fpu_irq;
    bool legacy_replaced; /* by the HPET */
    struct {
        struct dev_line line;
        bool level; /* what the device says */
    } replaced[HPET_LEGACY_LINES];
    struct dev *dev[SLOTS]; /* NULL: left out */
};

union device_config {
    struct lapic_cfg lapic;
    struct ioapic_cfg ioapic;
    struct i8259_config pic;
    struct irq_router_cfg router;
    struct hpet_config hpet;
    struct i8254_config pit;
    struct mc146818_config rtc;
    struct port61_config port61;
    struct port92_config port92;
    struct i8042_config keyboard;
    struct pci_bus_cfg pci;
    struct i440fx_cfg host_bridge;
    struct piix3_cfg isa_bridge;
    struct ide_config ide;
    struct uhci_config uhci;
    struct fdc_config floppy;
    struct piix4pm_cfg pm;
    struct vga_config vga;
    struct nic_pci_config nic_pci;
    struct ne2000_isa_config ne2000_isa;
    struct virtio_blk_config virtio_disk;
    struct fw_cfg_cfg fw_cfg;
    struct uart16550_config serial;
    struct parallel_config parallel;
    struct debugcon_config debugcon;
    struct debugexit_config debugexit;
};

/* ---- Wires ---- */

static struct dev_line isa_line(struct board *b, int irq) { return irq_router_line(b->dev[ROUTER], irq); }

/* The processor's INTR pin. Guest code that could take the interrupt is asked to leave; while IF is clear, the
 * instruction that sets it looks at vcpu.cpu.intr. Between two runs of guest code the run loop looks itself. */
static void set_cpu_intr(void *opaque, int n, bool level) {
    struct machine *m = opaque;
    (void)n;
    m->vcpu.cpu.intr = level;
    if (level && m->vcpu.cpu.flags_if && m->in_guest) bt_kick(m->engine);
}

static int ack_pic(void *opaque) { return i8259_ack(((struct board *)opaque)->dev[PIC]); }

static void pic_acked(void *opaque, int irq) {
    if (irq == IRQ_PIT) i8254_irq_acked(((struct board *)opaque)->dev[PIT]);
}

/* Did the I/O APIC send this vector for the PIT? */
static bool is_apic_pit_vector(struct board *b, int vector) {
    enum { ENTRY_VECTOR = 0xFF, ENTRY_MASKED = 1 << 16 };
    uint64_t entry = ioapic_entry(b->dev[IOAPIC], IOAPIC_PIT_PIN);
    return !(entry & ENTRY_MASKED) && (int)(entry & ENTRY_VECTOR) == vector;
}

int board_ack_interrupt(struct board *b) {
    int vector = lapic_ack(b->dev[LAPIC]);
    if (vector >= 0 && is_apic_pit_vector(b, vector)) i8254_irq_acked(b->dev[PIT]);
    return vector;
}

void board_set_apic_base(struct board *b, uint64_t value) { lapic_set_base(b->dev[LAPIC], value); }
uint64_t board_tsc_deadline(struct board *b) { return lapic_tsc_deadline(b->dev[LAPIC]); }
void board_set_tsc_deadline(struct board *b, uint64_t tsc) { lapic_set_tsc_deadline(b->dev[LAPIC], tsc); }
void board_tsc_changed(struct board *b) { lapic_tsc_changed(b->dev[LAPIC]); }
void board_fpu_error(struct board *b, bool active) { dev_line_set(&b->fpu_irq, active); }

/* ---- The coprocessor's port: a write to F0h lets the FPU go on and drops IRQ 13 ---- */

static uint32_t fpu_port_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    return 0xFF;
}

static void fpu_port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct board *b = opaque;
    (void)size, (void)value;
    if (port != PORT_FPU) return;
    mon_ferr_acknowledge(&b->m->vcpu);
}

static const struct dev_io_ops fpu_port = {
    .name = "fpu", .read = fpu_port_read, .write = fpu_port_write, .byte_only = true};

/* ---- Configurations. False: this machine does not have the device ---- */

static bool config_none(struct board *b, union device_config *c) { return (void)b, (void)c, true; }

static bool config_lapic(struct board *b, union device_config *c) {
    c->lapic = (struct lapic_cfg){.bus = &b->apic_bus,
                                  .intr = {.set = set_cpu_intr, .opaque = b->m},
                                  .pic_ack = ack_pic,
                                  .pic_opaque = b,
                                  .tsc_deadline = mon_model_ecx(b->m->vcpu.model) & F_TSC_DEADLINE,
                                  .quick_tpr = true};
    return true;
}

static bool config_ioapic(struct board *b, union device_config *c) {
    c->ioapic.bus = &b->apic_bus;
    return true;
}

static bool config_pic(struct board *b, union device_config *c) {
    c->pic = (struct i8259_config){
        .intr = {.set = lapic_set_lint, .opaque = b->dev[LAPIC]}, .acked = pic_acked, .acked_opaque = b};
    return true;
}

static bool config_router(struct board *b, union device_config *c) {
    c->router = (struct irq_router_cfg){
        .pic_set = i8259_set_irq, .pic = b->dev[PIC], .ioapic_set = ioapic_set_pin, .ioapic = b->dev[IOAPIC]};
    return true;
}

/* The lines of the PIT (0) and the RTC (1), while the HPET does not take their places. */
static void drive_replaced(struct board *b, int n) {
    dev_line_set(&b->replaced[n].line, b->replaced[n].level && !b->legacy_replaced);
}

static void set_replaced(void *opaque, int n, bool level) {
    struct board *b = opaque;
    b->replaced[n].level = level;
    drive_replaced(b, n);
}

static void replace_legacy(void *opaque, int n, bool on) {
    struct board *b = opaque;
    (void)n;
    b->legacy_replaced = on;
    for (int i = 0; i < HPET_LEGACY_LINES; i++)
        if (b->replaced[i].line.set) drive_replaced(b, i);
}

static struct dev_line replaced_line(struct board *b, int n, int irq) {
    b->replaced[n].line = isa_line(b, irq);
    return (struct dev_line){set_replaced, b, n};
}

static bool config_hpet(struct board *b, union device_config *c) {
    if (!b->m->cfg->hpet) return false;
    c->hpet =
        (struct hpet_config){.legacy = {isa_line(b, IRQ_PIT), isa_line(b, IRQ_RTC)}, .replace = {replace_legacy, b, 0}};
    for (int i = 0; i < HPET_PINS; i++)
        c->hpet.pin[i] = (struct dev_line){ioapic_set_pin, b->dev[IOAPIC], HPET_PIN_FIRST + i};
    return true;
}

static bool config_pit(struct board *b, union device_config *c) {
    c->pit.irq0 = replaced_line(b, 0, IRQ_PIT);
    return true;
}

static bool config_rtc(struct board *b, union device_config *c) {
    const struct dev_host *h = &b->m->host;
    c->rtc = (struct mc146818_config){.irq8 = replaced_line(b, 1, IRQ_RTC),
                                      .offset_seconds = cmos_rtc_offset(&b->m->cfg->rtc, h->wall_seconds(h->opaque))};
    return true;
}

static bool config_port61(struct board *b, union device_config *c) {
    c->port61.pit = b->dev[PIT];
    return true;
}

static bool config_port92(struct board *b, union device_config *c) {
    c->port92.a20 = &b->a20;
    return true;
}

static bool config_keyboard(struct board *b, union device_config *c) {
    c->keyboard =
        (struct i8042_config){.irq1 = isa_line(b, IRQ_KEYBOARD), .irq12 = isa_line(b, IRQ_MOUSE), .a20 = &b->a20};
    return true;
}

static bool config_pci(struct board *b, union device_config *c) {
    c->pci = (struct pci_bus_cfg){.mmio_low = (uint32_t)b->m->cfg->memory, .cf9 = b->dev[CF9]};
    return true;
}

static bool config_host_bridge(struct board *b, union device_config *c) {
    const struct image *firmware = b->cfg->firmware;
    c->host_bridge = (struct i440fx_cfg){.bus = b->dev[PCI], .bios = firmware->data, .bios_size = firmware->size};
    return true;
}

static bool config_isa_bridge(struct board *b, union device_config *c) {
    c->isa_bridge.bus = b->dev[PCI];
    for (int i = 0; i < ISA_IRQS; i++) c->isa_bridge.isa_irq[i] = isa_line(b, i);
    return true;
}

static bool config_ide(struct board *b, union device_config *c) {
    c->ide.bus = b->dev[PCI];
    for (int i = 0; i < IDE_CHANNELS; i++) c->ide.irq[i] = isa_line(b, IRQ_IDE + i);
    drives_describe_ide(b->m->drives, c->ide.drive);
    return true;
}

static bool config_tablet(struct board *b, union device_config *c) {
    (void)c;
    return b->m->cfg->usb_tablet;
}

static bool config_uhci(struct board *b, union device_config *c) {
    c->uhci.bus = b->dev[PCI];
    if (b->dev[TABLET]) c->uhci.device[0] = usb_tablet_plug(b->dev[TABLET]);
    return b->m->cfg->usb;
}

static bool config_floppy(struct board *b, union device_config *c) {
    c->floppy.irq = isa_line(b, IRQ_FLOPPY);
    c->floppy.dma = b->dev[DMA];
    drives_describe_fdc(b->m->drives, c->floppy.drive);
    return true;
}

static bool config_pm(struct board *b, union device_config *c) {
    c->pm = (struct piix4pm_cfg){.bus = b->dev[PCI],
                                 .sci = isa_line(b, IRQ_SCI),
                                 .serial1 = true,
                                 .serial2 = b->m->cfg->serials > 1,
                                 .parallel = b->m->cfg->parallel.kind != MON_CHR_NONE,
                                 .cpus = CPUS};
    return true;
}

static bool config_vga(struct board *b, union device_config *c) {
    const struct image *rom = b->cfg->vga_rom;
    c->vga = (struct vga_config){.bus = b->dev[PCI], .devfn = DEVFN_VGA, .rom = rom->data, .rom_size = rom->size};
    return b->m->cfg->vga;
}

/* What sits in a network adapter's place is the user's choice. */
static bool config_nic(struct board *b, union device_config *c) {
    struct nic_place place;
    nics_describe(b->m->nics, (unsigned)b->unit, &place);
    b->cls = place.cls;
    if (place.isa) {
        c->ne2000_isa = place.ne2000_isa;
        c->ne2000_isa.irq = isa_line(b, (int)place.irq);
    } else {
        c->nic_pci = place.pci;
        c->nic_pci.bus = b->dev[PCI];
        c->nic_pci.devfn = PCI_DEVFN(BOARD_SLOT_NIC + b->unit, 0);
    }
    return place.cls != NULL;
}

static bool config_virtio_disk(struct board *b, union device_config *c) {
    c->virtio_disk = (struct virtio_blk_config){.bus = b->dev[PCI],
                                                .devfn = PCI_DEVFN(BOARD_SLOT_VIRTIO_DISK + b->unit, 0),
                                                .blk = drives_virtio(b->m->drives, b->unit)};
    return c->virtio_disk.blk != NULL;
}

static bool config_fw_cfg(struct board *b, union device_config *c) {
    (void)b;
    c->fw_cfg = (struct fw_cfg_cfg){.cpus = CPUS, .boot_menu = b->m->cfg->boot.menu};
    return true;
}

static bool config_serial(struct board *b, union device_config *c) {
    if ((unsigned)b->unit >= b->m->cfg->serials) return false;
    c->serial = (struct uart16550_config){.base = serial_places[b->unit].port,
                                          .irq = isa_line(b, serial_places[b->unit].irq),
                                          .chr = machine_serial(b->m, (unsigned)b->unit)};
    return true;
}

static bool config_parallel(struct board *b, union device_config *c) {
    c->parallel = (struct parallel_config){
        .base = PORT_PARALLEL, .irq = isa_line(b, IRQ_PARALLEL), .chr = chr_dev(b->m->backends.parallel)};
    return c->parallel.chr != NULL;
}

static bool config_debugcon(struct board *b, union device_config *c) {
    c->debugcon = (struct debugcon_config){.port = PORT_DEBUGCON, .chr = chr_dev(b->m->backends.debugcon)};
    return true;
}

/* Firmware that finds its log port writes a lot to it: it is only there when somebody listens. */
static bool config_firmware_log(struct board *b, union device_config *c) {
    c->debugcon = (struct debugcon_config){.port = PORT_FIRMWARE_LOG, .chr = chr_dev(b->m->backends.debugcon)};
    return c->debugcon.chr != NULL;
}

static bool config_debugexit(struct board *b, union device_config *c) {
    const struct mon_debug_exit_config *x = &b->m->cfg->debug_exit;
    c->debugexit = (struct debugexit_config){.iobase = x->base, .iosize = x->size};
    return x->present;
}

/* ---- The list: created and reset in this order, destroyed in reverse ---- */

static const struct {
    const struct dev_class *cls; /* NULL: config chooses */
    bool (*config)(struct board *b, union device_config *c);
    int unit; /* which one, where there are several of a kind: b->unit tells config */
} list[SLOTS] = {
    [LAPIC] = {&lapic_class, config_lapic},
    [IOAPIC] = {&ioapic_class, config_ioapic},
    [PIC] = {&i8259_class, config_pic},
    [ROUTER] = {&irq_router_class, config_router},
    [HPET] = {&hpet_class, config_hpet},
    [PIT] = {&i8254_class, config_pit},
    [RTC] = {&mc146818_class, config_rtc},
    [DMA] = {&dma8237_class, config_none},
    [PORT61] = {&port61_class, config_port61},
    [PORT92] = {&port92_class, config_port92},
    [KEYBOARD] = {&i8042_class, config_keyboard},
    [CF9] = {&cf9_class, config_none},
    [PCI] = {&pci_bus_class, config_pci},
    [HOST_BRIDGE] = {&i440fx_class, config_host_bridge},
    [ISA_BRIDGE] = {&piix3_class, config_isa_bridge},
    [IDE] = {&ide_class, config_ide},
    [TABLET] = {&usb_tablet_class, config_tablet},
    [UHCI] = {&uhci_class, config_uhci},
    [FLOPPY] = {&fdc82077_class, config_floppy},
    [PM] = {&piix4pm_class, config_pm},
    [VGA] = {&vga_class, config_vga},
    [NIC0] = {NULL, config_nic, 0},
    [NIC0 + 1] = {NULL, config_nic, 1},
    [NIC0 + 2] = {NULL, config_nic, 2},
    [NIC_LAST] = {NULL, config_nic, 3},
    [VIRTIO_DISK] = {&virtio_blk_class, config_virtio_disk, 0},
    [VIRTIO_DISK + 1] = {&virtio_blk_class, config_virtio_disk, 1},
    [VIRTIO_DISK + 2] = {&virtio_blk_class, config_virtio_disk, 2},
    [VIRTIO_DISK + 3] = {&virtio_blk_class, config_virtio_disk, 3},
    [VIRTIO_DISK + 4] = {&virtio_blk_class, config_virtio_disk, 4},
    [VIRTIO_DISK + 5] = {&virtio_blk_class, config_virtio_disk, 5},
    [VIRTIO_DISK + 6] = {&virtio_blk_class, config_virtio_disk, 6},
    [VIRTIO_DISK + 7] = {&virtio_blk_class, config_virtio_disk, 7},
    [FW_CFG] = {&fw_cfg_class, config_fw_cfg},
    [SERIAL] = {&uart16550_class, config_serial, 0},
    [SERIAL_2] = {&uart16550_class, config_serial, 1},
    [SERIAL_3] = {&uart16550_class, config_serial, 2},
    [SERIAL_4] = {&uart16550_class, config_serial, 3},
    [PARALLEL] = {&parallel_class, config_parallel},
    [DEBUGCON] = {&debugcon_class, config_debugcon},
    [FIRMWARE_LOG] = {&debugcon_class, config_firmware_log},
    [DEBUGEXIT] = {&debugexit_class, config_debugexit},
};

static bool create_device(struct board *b, int slot, char *errbuf, size_t errlen) {
    union device_config c = {0};
    enum dev_status status = DEV_OK;
    b->unit = list[slot].unit;
    b->cls = list[slot].cls;
    if (!list[slot].config(b, &c)) return true;
    b->dev[slot] = dev_create(b->cls, &b->m->host, &c, &status);
    if (b->dev[slot]) return true;
    snprintf(errbuf, errlen, "cannot create device %s (status %d)", b->cls->name, (int)status);
    return false;
}

static bool create_devices(struct board *b, char *errbuf, size_t errlen) {
    for (int slot = 0; slot < SLOTS; slot++)
        if (!create_device(b, slot, errbuf, errlen)) return false;
    b->fpu_irq = isa_line(b, IRQ_FPU);
    if (dev_io_map(b->m->io, PORT_FPU, 2, &fpu_port, b) == DEV_OK) return true;
    snprintf(errbuf, errlen, "cannot create the FPU's port");
    return false;
}

/* ---- For the user's side ---- */

struct dev *board_ide(struct board *b) {
    return b->dev[IDE];
}
struct dev *board_floppy(struct board *b) {
    return b->dev[FLOPPY];
}
struct dev *board_vga(struct board *b) {
    return b->dev[VGA];
}
struct dev *board_keyboard(struct board *b) {
    return b->dev[KEYBOARD];
}

void board_interrupts(struct board *b, struct board_interrupts *out) {
    *out = (struct board_interrupts){
        .pic = b->dev[PIC], .lapic = b->dev[LAPIC], .ioapic = b->dev[IOAPIC], .router = b->dev[ROUTER]};
}

struct dev *board_pci_bus(struct board *b) {
    return b->dev[PCI];
}

const char *board_device_name(const struct board *b, unsigned n) {
    for (unsigned i = 0; i < SLOTS; i++)
        if (b->dev[i] && !n--) return b->dev[i]->cls->name;
    return NULL;
}

static bool tablet_in_use(void *opaque) { return usb_tablet_in_use(opaque); }
static void tablet_event(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons) {
    usb_tablet_event(opaque, (int)x, (int)y, wheel, buttons);
}

bool board_tablet(struct board *b, struct pointer_absolute *out) {
    *out = (struct pointer_absolute){tablet_in_use, tablet_event, b->dev[TABLET]};
    return b->dev[TABLET] != NULL;
}

const struct usb_device *board_usb_device(struct board *b, unsigned port) {
    return port == 0 && b->dev[UHCI] && b->dev[TABLET] ? usb_tablet_plug(b->dev[TABLET]) : NULL; /* as config_uhci */
}

bool board_power_button(struct board *b) { return piix4pm_power_button(b->dev[PM]); }

/* ---- Life ---- */

uint64_t board_rom_bytes(size_t firmware_size) { return firmware_size + ROM_SPARE; }

struct board *board_create(struct machine *m, const struct board_config *cfg, char *errbuf, size_t errlen) {
    struct board *b = calloc(1, sizeof *b);
    if (!b) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    b->m = m;
    b->cfg = cfg;
    bool ok =
        create_devices(b, errbuf, errlen) && firmware_prepare(m, b->dev[RTC], b->dev[FW_CFG], CPUS, errbuf, errlen);
    b->cfg = NULL;
    if (ok) return b;
    board_destroy(b);
    return NULL;
}

void board_reset(struct board *b) {
    if (b->booted) firmware_rebooted(b->m, b->dev[RTC]);
    b->booted = true;
    for (int slot = 0; slot < SLOTS; slot++)
        if (b->dev[slot] && b->dev[slot]->cls->reset) b->dev[slot]->cls->reset(b->dev[slot]);
    board_fpu_error(b, false);
}

void board_destroy(struct board *b) {
    dev_io_unmap(b->m->io, PORT_FPU, 2);
    for (int slot = SLOTS - 1; slot >= 0; slot--)
        if (b->dev[slot]) dev_destroy(b->dev[slot]);
    free(b);
}
