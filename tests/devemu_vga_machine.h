/*
 * devemu_vga_machine.h: a machine with a display adapter, for its tests: ports, memory, the modes of the IBM VGA
 * Technical Reference, and the picture.
 */
#ifndef NOVT_TESTS_DEVEMU_VGA_MACHINE_H
#define NOVT_TESTS_DEVEMU_VGA_MACHINE_H

#include "devemu_fake.h"
#include "devemu/cf9.h"
#include "devemu/vga.h"

enum { RAM = 1 << 20, WINDOW = 0xA0000 };

struct machine {
    struct fake *f;
    struct dev *cf9, *bus, *vga;
};

static inline struct machine machine_new(void) {
    struct machine m = {.f = fake_create()};
    assert_int_equal(smmu_mem_create(RAM, VGA_FRAME_BYTES, &m.f->host.mem), SMMU_OK);
    m.cf9 = fake_dev(m.f, &cf9_class, NULL);
    m.bus = fake_dev(m.f, &pci_bus_class, &(struct pci_bus_cfg){.mmio_low = RAM, .cf9 = m.cf9});
    m.vga = fake_dev(m.f, &vga_class, &(struct vga_config){.bus = m.bus, .devfn = PCI_DEVFN(2, 0)});
    return m;
}
static inline void machine_free(struct machine *m) {
    dev_destroy(m->vga);
    dev_destroy(m->bus);
    dev_destroy(m->cf9);
    smmu_mem_destroy(m->f->host.mem);
    fake_destroy(m->f);
}

static inline void seq(struct machine *m, uint8_t i, uint8_t v) { pout(m->f, 0x3C4, i), pout(m->f, 0x3C5, v); }
static inline void gc(struct machine *m, uint8_t i, uint8_t v) { pout(m->f, 0x3CE, i), pout(m->f, 0x3CF, v); }
static inline void crtc(struct machine *m, uint8_t i, uint8_t v) { pout(m->f, 0x3D4, i), pout(m->f, 0x3D5, v); }
static inline void attr(struct machine *m, uint8_t i, uint8_t v) {
    pin(m->f, 0x3DA);
    pout(m->f, 0x3C0, i);
    pout(m->f, 0x3C0, v);
    pout(m->f, 0x3C0, 0x20);
}
static inline void vbe(struct machine *m, uint16_t i, uint16_t v) {
    dev_io_write(m->f->host.io, 0x1CE, 2, i);
    dev_io_write(m->f->host.io, 0x1CF, 2, v);
}
static inline uint16_t vbe_read(struct machine *m, uint16_t i) {
    dev_io_write(m->f->host.io, 0x1CE, 2, i);
    return (uint16_t)dev_io_read(m->f->host.io, 0x1CF, 2);
}
static inline void poke(struct machine *m, uint32_t at, uint8_t v) { smmu_mem_write(m->f->host.mem, gpa(at), &v, 1); }
static inline uint8_t peek(struct machine *m, uint32_t at) {
    uint8_t v;
    smmu_mem_read(m->f->host.mem, gpa(at), &v, 1);
    return v;
}
static inline bool direct(struct machine *m, uint32_t at) {
    return smmu_mem_lookup(m->f->host.mem, gpa(at)).read_frame >= 0;
}

/* Identity palette; DAC entry i is (i, 2i, 3i) in 6 bits. */
static inline void colours(struct machine *m) {
    for (uint8_t i = 0; i < 16; i++) attr(m, i, i);
    attr(m, 0x12, 0x0F);
    pout(m->f, 0x3C8, 0);
    for (unsigned i = 0; i < 256; i++)
        pout(m->f, 0x3C9, (uint8_t)i), pout(m->f, 0x3C9, (uint8_t)(2 * i)), pout(m->f, 0x3C9, (uint8_t)(3 * i));
}
static inline uint32_t colour(unsigned i) {
    uint32_t rgb = 0;
    for (unsigned k = 1; k <= 3; k++) {
        unsigned c = i * k & 63;
        rgb = rgb << 8 | (c << 2 | c >> 4);
    }
    return rgb;
}

/* IBM VGA Technical Reference, mode tables. */
static inline void timing(struct machine *m, unsigned columns, unsigned lines, unsigned offset) {
    pout(m->f, 0x3C2, 0x63);
    crtc(m, 0x11, 0);
    crtc(m, 0x01, (uint8_t)(columns - 1));
    crtc(m, 0x12, (uint8_t)(lines - 1));
    crtc(m, 0x07, (uint8_t)(((lines - 1) >> 7 & 2) | ((lines - 1) >> 3 & 0x40) | 0x10));
    crtc(m, 0x09, 0x40);
    crtc(m, 0x18, 0xFF);
    crtc(m, 0x13, (uint8_t)offset);
    seq(m, 1, 0x01);
    seq(m, 2, 0x0F);
    gc(m, 8, 0xFF);
    colours(m);
}
static inline void planar_mode(struct machine *m) {
    timing(m, 80, 480, 40);
    crtc(m, 0x17, 0xE3);
    seq(m, 4, 0x06);
    gc(m, 5, 0);
    gc(m, 6, 0x05);
}
static inline void text_mode(struct machine *m) {
    timing(m, 80, 400, 40);
    crtc(m, 0x09, 0x4F);
    crtc(m, 0x17, 0xA3);
    crtc(m, 0x0A, 0x0D), crtc(m, 0x0B, 0x0E), crtc(m, 0x0F, 85);
    seq(m, 1, 0x00);
    seq(m, 2, 0x03);
    seq(m, 4, 0x02);
    gc(m, 5, 0x10);
    gc(m, 6, 0x0E);
}
static inline void mode_13h(struct machine *m) {
    timing(m, 80, 400, 40);
    crtc(m, 0x09, 0x41);
    crtc(m, 0x14, 0x40);
    crtc(m, 0x17, 0xA3);
    seq(m, 4, 0x0E);
    gc(m, 5, 0x40);
    gc(m, 6, 0x05);
}

static inline bool bit(unsigned v, int n) { return v >> n & 1; }

enum { FRAME_NS = 20000000 }; /* a frame and some */

static inline uint32_t *picture(struct machine *m, unsigned w, unsigned h) {
    unsigned pw, ph;
    fake_advance(m->f, FRAME_NS); /* the start address counts */
    vga_size(m->vga, &pw, &ph);
    assert_int_equal(pw, w);
    assert_int_equal(ph, h);
    uint32_t *p = calloc((size_t)w * h, sizeof *p);
    assert_non_null(p);
    vga_draw(m->vga, p, w, h, true);
    return p;
}
#endif
