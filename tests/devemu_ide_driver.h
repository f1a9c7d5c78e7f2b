/*
 * devemu_ide_driver.h: a driver of the IDE controller for device tests: a disk as primary master, a CD-ROM drive as
 * secondary master, commands and packets.
 */
#ifndef NOVT_TESTS_DEVEMU_IDE_DRIVER_H
#define NOVT_TESTS_DEVEMU_IDE_DRIVER_H

#include "devemu_fake_blk.h"
#include "devemu/ide.h"

enum { RAM = 1 << 20, BM = 0xC000, CMD = 0x1F0, CTL = 0x3F6, CD_CMD = 0x170, CD_CTL = 0x376, IRQ14 = 14, IRQ15 = 15 };
enum { DISK_SECTORS = 4096, CD_BLOCKS = 300 };
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DSC = 0x10, DRQ = 0x08, ERR = 0x01, IDLE = DRDY | DSC };
enum { PRD = 0x1000, DATA = 0x10000 };

static struct fake *f;
static struct dev *bus, *d;
static struct fake_blk *disk, *disc;

static inline void config8(unsigned reg, uint8_t v) { pci_bus_config_write(bus, PCI_DEVFN(1, 1), reg, 1, v); }
static inline void enable(void) {
    pci_bus_config_write(bus, PCI_DEVFN(1, 1), 0x20, 4, BM);
    config8(0x41, 0x80);
    config8(0x43, 0x80);
    config8(PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MASTER);
}

/* Primary master: a disk. Secondary master: a CD-ROM drive. */
static struct ide_geometry disk_geometry; /* of the disk; zero: by its size */
static inline int open_ide(void **state) {
    (void)state;
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 65536, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), RAM, 0, 0), SMMU_OK);
    struct pci_bus_cfg pc = {.mmio_low = RAM};
    bus = fake_dev(f, &pci_bus_class, &pc);
    disk = fake_blk_create((uint64_t)DISK_SECTORS * 512);
    disc = fake_blk_create(CD_BLOCKS * 2048);
    disc->blk.read_only = true;
    struct ide_config c = {.bus = bus, .irq = {fake_line(f, IRQ14), fake_line(f, IRQ15)}};
    c.drive[0] = (struct ide_drive_config){.kind = IDE_DISK, .blk = &disk->blk, .geometry = disk_geometry};
    c.drive[2] = (struct ide_drive_config){.kind = IDE_CDROM, .blk = &disc->blk};
    d = fake_dev(f, &ide_class, &c);
    enable();
    return 0;
}
static inline int close_ide(void **state) {
    (void)state;
    dev_destroy(d);
    dev_destroy(bus);
    smmu_mem_destroy(f->host.mem);
    fake_blk_destroy(disk);
    fake_blk_destroy(disc);
    fake_destroy(f);
    return 0;
}
static inline void pump(void) {
    while (fake_blk_step(disk) || fake_blk_step(disc)) {}
}
static inline uint16_t in16(uint16_t port) { return (uint16_t)dev_io_read(f->host.io, port, 2); }
static inline void out16(uint16_t port, uint16_t v) { dev_io_write(f->host.io, port, 2, v); }
static inline void out32(uint16_t port, uint32_t v) { dev_io_write(f->host.io, port, 4, v); }

static inline void command_lba(uint8_t code, uint32_t lba, uint8_t count) {
    pout(f, CMD + 6, (uint8_t)(0xE0 | lba >> 24));
    pout(f, CMD + 2, count);
    pout(f, CMD + 3, (uint8_t)lba);
    pout(f, CMD + 4, (uint8_t)(lba >> 8));
    pout(f, CMD + 5, (uint8_t)(lba >> 16));
    pout(f, CMD + 7, code);
}
static inline void command_ext(uint8_t code, uint64_t lba, uint16_t count) {
    pout(f, CMD + 6, 0xE0);
    pout(f, CMD + 2, (uint8_t)(count >> 8));
    pout(f, CMD + 3, (uint8_t)(lba >> 24));
    pout(f, CMD + 4, (uint8_t)(lba >> 32));
    pout(f, CMD + 5, (uint8_t)(lba >> 40));
    pout(f, CMD + 2, (uint8_t)count);
    pout(f, CMD + 3, (uint8_t)lba);
    pout(f, CMD + 4, (uint8_t)(lba >> 8));
    pout(f, CMD + 5, (uint8_t)(lba >> 16));
    pout(f, CMD + 7, code);
}
static inline void read_sector(uint16_t cmd, uint8_t out[512]) {
    for (int i = 0; i < 256; i++) {
        uint16_t w = in16(cmd);
        out[2 * i] = (uint8_t)w;
        out[2 * i + 1] = (uint8_t)(w >> 8);
    }
}
static inline void expect_sector(const uint8_t *p, uint64_t n) {
    for (unsigned i = 0; i < 512; i++) assert_int_equal(p[i], fake_blk_byte(n, i));
}
static inline void wait_data(uint16_t cmd, int irq) {
    pump();
    assert_true(f->line[irq]);
    assert_int_equal(pin(f, cmd + 7), IDLE | DRQ);
    assert_false(f->line[irq]);
}

/* ---- CD-ROM ---- */

/* Sends a packet; the length of the reply that is ready, or -1 after an error. */
static inline int packet(const uint8_t *cdb, uint16_t limit, uint8_t feature) {
    pout(f, CD_CMD + 6, 0xA0);
    pout(f, CD_CMD + 1, feature);
    pout(f, CD_CMD + 4, (uint8_t)limit);
    pout(f, CD_CMD + 5, (uint8_t)(limit >> 8));
    pout(f, CD_CMD + 7, 0xA0);
    assert_int_equal(pin(f, CD_CMD + 7), IDLE | DRQ);
    assert_int_equal(pin(f, CD_CMD + 2), 1);
    for (int i = 0; i < 6; i++) out16(CD_CMD, (uint16_t)(cdb[2 * i] | cdb[2 * i + 1] << 8));
    pump();
    assert_true(f->line[IRQ15]);
    uint8_t st = pin(f, CD_CMD + 7);
    if (st & ERR) return -1;
    if (!(st & DRQ)) {
        assert_int_equal(pin(f, CD_CMD + 2), 3);
        return 0;
    }
    assert_int_equal(pin(f, CD_CMD + 2), 2);
    return pin(f, CD_CMD + 4) | pin(f, CD_CMD + 5) << 8;
}
static inline int reply(const uint8_t *cdb, uint8_t *out) {
    int n = packet(cdb, 0xFFFE, 0);
    for (int i = 0; i < n; i += 2) {
        uint16_t w = in16(CD_CMD);
        out[i] = (uint8_t)w;
        out[i + 1] = (uint8_t)(w >> 8);
    }
    if (n > 0) assert_int_equal(pin(f, CD_CMD + 7), IDLE);
    return n;
}
static inline int sense(void) {
    uint8_t out[64];
    assert_int_equal(reply((const uint8_t[12]){3, 0, 0, 0, 18}, out), 18);
    return out[2] << 16 | out[12] << 8 | out[13];
}
static const uint8_t test_ready[12];
static inline void get_ready(void) {
    assert_int_equal(packet(test_ready, 0, 0), -1); /* power-on */
    assert_int_equal(pin(f, CD_CMD + 1) >> 4, 6);
    assert_int_equal(sense(), 0x062900);
    assert_int_equal(packet(test_ready, 0, 0), 0);
}
#endif
