/*
 * subjects.c: the devices that are fuzzed, each with what it needs around it. A new device gets a row.
 */
#include "bench.h"
#include "devemu/a20.h"
#include "devemu/cf9.h"
#include "devemu/dma8237.h"
#include "devemu/e1000.h"
#include "devemu/fdc82077.h"
#include "devemu/fw_cfg.h"
#include "devemu/i440fx.h"
#include "devemu/i8042.h"
#include "devemu/i8254.h"
#include "devemu/i8259.h"
#include "devemu/ide.h"
#include "devemu/ioapic.h"
#include "devemu/hpet.h"
#include "devemu/lapic.h"
#include "devemu/mc146818.h"
#include "devemu/ne2000.h"
#include "devemu/parallel.h"
#include "devemu/piix3.h"
#include "devemu/piix4pm.h"
#include "devemu/port61.h"
#include "devemu/rtl8139.h"
#include "devemu/uart16550.h"
#include "devemu/uhci.h"
#include "devemu/usb_tablet.h"
#include "devemu/vga.h"
#include "devemu/virtio_blk.h"
#include "devemu/virtio_net.h"

static void plug_pic(struct bench *b) {
    bench_add(b, &i8259_class, &(struct i8259_config){.intr = bench_line(b)});
    bench_ports(b, 0x20, 2);
    bench_ports(b, 0xA0, 2);
    bench_ports(b, 0x4D0, 2);
}

static void plug_pit(struct bench *b) {
    struct dev *pit = bench_add(b, &i8254_class, &(struct i8254_config){.irq0 = bench_line(b)});
    bench_add(b, &port61_class, &(struct port61_config){.pit = pit});
    bench_ports(b, 0x40, 4);
    bench_ports(b, 0x61, 1);
}

static void plug_rtc(struct bench *b) {
    bench_add(b, &mc146818_class, &(struct mc146818_config){.irq8 = bench_line(b)});
    bench_ports(b, 0x70, 4);
}

static void plug_dma(struct bench *b) {
    bench_add(b, &dma8237_class, NULL);
    bench_ports(b, 0x00, 16);
    bench_ports(b, 0x80, 16);
    bench_ports(b, 0xC0, 32);
}

static void user_keyboard(struct bench *b, uint8_t a, uint8_t v) {
    uint8_t codes[] = {0xE0, 0xF0, v};
    if (a & 1)
        i8042_mouse(b->device[0], (int8_t)a, (int8_t)v, a >> 4 & 3, v & 31);
    else
        (void)i8042_key(b->device[0], codes + (a >> 1) % 3, 3 - (size_t)(a >> 1) % 3);
}

static void plug_i8042(struct bench *b) {
    static struct a20_gate a20;
    a20 = (struct a20_gate){0};
    bench_add(b, &i8042_class, &(struct i8042_config){.irq1 = bench_line(b), .irq12 = bench_line(b), .a20 = &a20});
    bench_ports(b, 0x60, 1);
    bench_ports(b, 0x64, 1);
    b->user = user_keyboard;
}

static void plug_uart(struct bench *b) {
    bench_add(b, &uart16550_class, &(struct uart16550_config){.irq = bench_line(b), .chr = &b->chr});
    bench_ports(b, 0x3F8, 8);
}

static void plug_hpet(struct bench *b) {
    struct hpet_config c = {.legacy = {bench_line(b), bench_line(b)}};
    for (int i = 0; i < HPET_PINS; i++) c.pin[i] = bench_line(b);
    bench_add(b, &hpet_class, &c);
    bench_memory(b, 0xFED00000, 0x400);
}

/* The CPU's side: deadlines, soon and any. */
static void user_cpu(struct bench *b, uint8_t a, uint8_t v) {
    uint64_t deadline = a & 1 ? 2 * b->now + (uint64_t)v * 1000 : (uint64_t)v << (a & 63);
    switch (a >> 6) {
    case 0: (void)lapic_tsc_deadline(b->device[0]); break;
    case 1: lapic_tsc_changed(b->device[0]); break;
    case 2: lapic_set_tsc_deadline(b->device[0], deadline); break;
    default: (void)lapic_ack(b->device[0]); break;
    }
}

static void plug_lapic(struct bench *b) {
    static struct apic_bus bus;
    bus = (struct apic_bus){0};
    bench_add(b, &lapic_class, &(struct lapic_cfg){.bus = &bus, .intr = bench_line(b), .tsc_deadline = true});
    bench_memory(b, LAPIC_DEFAULT_BASE, 4096);
    b->user = user_cpu;
}

static void user_pin(struct bench *b, uint8_t a, uint8_t v) { ioapic_set_pin(b->device[0], a % IOAPIC_PINS, v & 1); }

static void plug_ioapic(struct bench *b) {
    static struct apic_bus bus;
    bus = (struct apic_bus){0};
    bench_add(b, &lapic_class, &(struct lapic_cfg){.bus = &bus, .intr = bench_line(b)});
    bench_add(b, &ioapic_class, &(struct ioapic_cfg){.bus = &bus});
    bench_memory(b, IOAPIC_BASE, 4096);
    bench_memory(b, LAPIC_DEFAULT_BASE, 4096);
    b->user = user_pin;
}

static void plug_pci(struct bench *b) {
    static const uint8_t bios[0x10000];
    struct piix3_cfg isa = {.bus = b->bus};
    for (int i = 0; i < 16; i++) isa.isa_irq[i] = bench_line(b);
    bench_add(b, &piix3_class, &isa);
    bench_add(b, &i440fx_class, &(struct i440fx_cfg){.bus = b->bus, .bios = bios, .bios_size = sizeof bios});
    bench_ports(b, 0xCF8, 8);
    bench_ports(b, 0x4D0, 2);
    bench_memory(b, 0xC0000, 0x40000);
}

static void plug_pm(struct bench *b) {
    bench_add(b, &piix4pm_class, &(struct piix4pm_cfg){.bus = b->bus, .sci = bench_line(b)});
    bench_pci(b, PCI_DEVFN(1, 3));
    pci_bus_config_write(b->bus, b->pci_slot, 0x40, 4, 0x0600);
    pci_bus_config_write(b->bus, b->pci_slot, 0x90, 4, 0x0700);
    pci_bus_config_write(b->bus, b->pci_slot, 0x80, 1, 1);
    pci_bus_config_write(b->bus, b->pci_slot, 0xD2, 1, 1);
    bench_ports(b, 0x600, 64);
    bench_ports(b, 0x700, 16);
    bench_ports(b, 0xB2, 2);
    bench_ports(b, 0xAFE0, 4);
}

static void plug_fw_cfg(struct bench *b) {
    struct dev *d = bench_add(b, &fw_cfg_class, &(struct fw_cfg_cfg){.cpus = 1});
    fw_cfg_add_file(d, "etc/test", "0123456789", 10);
    bench_ports(b, 0x510, 12);
}

static void user_disc(struct bench *b, uint8_t a, uint8_t v) {
    (void)ide_cd_change(b->device[0], 2, a & 1 ? &b->drive[1].blk : NULL, v & 1);
}

static void plug_ide(struct bench *b) {
    struct ide_config c = {.bus = b->bus, .irq = {bench_line(b), bench_line(b)}};
    c.drive[0] = (struct ide_drive_config){.kind = IDE_DISK, .blk = bench_blk(b, 0, false)};
    c.drive[1] = (struct ide_drive_config){.kind = IDE_DISK, .blk = bench_blk(b, 2, true)};
    c.drive[2] = (struct ide_drive_config){.kind = IDE_CDROM, .blk = bench_blk(b, 1, true)};
    bench_add(b, &ide_class, &c);
    bench_pci(b, PCI_DEVFN(1, 1));
    pci_bus_config_write(b->bus, b->pci_slot, 0x40, 4, 0x80008000u);
    bench_ports(b, 0x1F0, 8);
    bench_ports(b, 0x170, 8);
    bench_ports(b, 0x3F6, 1);
    bench_ports(b, 0x376, 1);
    b->user = user_disc;
}

static void user_floppy(struct bench *b, uint8_t a, uint8_t v) {
    fdc_change(b->device[0], a & 1, v & 1 ? &b->drive[a & 1].blk : NULL);
}

static void plug_fdc(struct bench *b) {
    struct dev *dma = bench_add(b, &dma8237_class, NULL);
    struct fdc_config c = {.irq = bench_line(b), .dma = dma};
    c.drive[0] = (struct fdc_drive_config){.present = true, .blk = bench_blk(b, 0, false)};
    c.drive[1] = (struct fdc_drive_config){.present = true, .blk = bench_blk(b, 1, true)};
    bench_add(b, &fdc82077_class, &c);
    bench_ports(b, 0x3F0, 6);
    bench_ports(b, 0x3F7, 1);
    bench_ports(b, 0x00, 16);
    bench_ports(b, 0x81, 3);
    b->user = user_floppy;
}

/* The picture is looked at, too. */
static void user_screen(struct bench *b, uint8_t a, uint8_t v) {
    static uint32_t pixels[2048 * 2048];
    static struct vga_text text;
    unsigned w, h;
    (void)v;
    vga_size(b->device[0], &w, &h);
    if ((uint64_t)w * h <= sizeof pixels / sizeof pixels[0]) vga_draw(b->device[0], pixels, w, h, a & 1);
    b->sent += vga_read_text(b->device[0], &text);
}

static void plug_vga(struct bench *b) {
    bench_add(b, &vga_class, &(struct vga_config){.bus = b->bus, .devfn = PCI_DEVFN(2, 0)});
    bench_pci(b, PCI_DEVFN(2, 0));
    bench_ports(b, 0x3B0, 0x30);
    bench_ports(b, 0x1CE, 4);
    bench_memory(b, 0xA0000, 0x20000);
    b->user = user_screen;
}

static void user_tablet(struct bench *b, uint8_t a, uint8_t v) {
    usb_tablet_event(b->device[1], a << 7, v << 7, (int8_t)v, a);
}

static void plug_uhci(struct bench *b) {
    struct dev *tablet = bench_add(b, &usb_tablet_class, NULL);
    bench_add(b, &uhci_class, &(struct uhci_config){.bus = b->bus, .device = {usb_tablet_plug(tablet)}});
    bench_pci(b, PCI_DEVFN(1, 2));
    b->user = user_tablet;
}

static void plug_parallel(struct bench *b) {
    bench_add(b, &parallel_class, &(struct parallel_config){.irq = bench_line(b), .chr = &b->chr});
    bench_ports(b, 0x378, 3);
}

/* ---- Network adapters ---- */

enum { DEVFN_NIC = PCI_DEVFN(3, 0), DEVFN_DISK = PCI_DEVFN(7, 0) };

static void plug_nic(struct bench *b, const struct dev_class *cls) {
    struct nic_pci_config c = {.bus = b->bus, .devfn = DEVFN_NIC, .mac = {0x52, 0x54, 0, 1, 2, 3}, .net = &b->net};
    bench_add(b, cls, &c);
    bench_pci(b, DEVFN_NIC);
}
static void plug_e1000(struct bench *b) { plug_nic(b, &e1000_class); }
static void plug_rtl8139(struct bench *b) { plug_nic(b, &rtl8139_class); }
static void plug_ne2k_pci(struct bench *b) { plug_nic(b, &ne2000_pci_class); }

static void plug_virtio_net(struct bench *b) { plug_nic(b, &virtio_net_class); }

static void plug_ne2k_isa(struct bench *b) {
    struct ne2000_isa_config c = {.base = 0x300, .irq = bench_line(b), .mac = {0x52, 0x54, 0, 1, 2, 3}, .net = &b->net};
    bench_add(b, &ne2000_isa_class, &c);
    bench_ports(b, 0x300, 32);
}

/* ---- Virtio ---- */

static void plug_virtio_blk(struct bench *b) {
    struct virtio_blk_config c = {.bus = b->bus, .devfn = DEVFN_DISK, .blk = bench_blk(b, 0, false)};
    bench_add(b, &virtio_blk_class, &c);
    bench_pci(b, DEVFN_DISK);
}

const struct bench_subject bench_subjects[] = {
    {"pic", plug_pic},
    {"pit", plug_pit},
    {"rtc", plug_rtc},
    {"dma", plug_dma},
    {"i8042", plug_i8042},
    {"uart", plug_uart},
    {"hpet", plug_hpet},
    {"lapic", plug_lapic},
    {"ioapic", plug_ioapic},
    {"pci", plug_pci},
    {"pm", plug_pm},
    {"fw_cfg", plug_fw_cfg},
    {"ide", plug_ide},
    {"fdc", plug_fdc},
    {"vga", plug_vga},
    {"uhci", plug_uhci},
    {"parallel", plug_parallel},
    {"e1000", plug_e1000},
    {"rtl8139", plug_rtl8139},
    {"ne2k_pci", plug_ne2k_pci},
    {"ne2k_isa", plug_ne2k_isa},
    {"virtio_net", plug_virtio_net},
    {"virtio_blk", plug_virtio_blk},
    {NULL, NULL},
};
