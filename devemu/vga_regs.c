/*
 * vga_regs.c: the ports 3B4h..3DAh.
 *
 * Source: IBM VGA Technical Reference, "General Registers", "Sequencer Registers",
 * "CRT Controller Registers", "Graphics Controller Registers", "Attribute
 * Controller Registers", "Video Digital-to-Analog Converter".
 */
#include "devemu/vga_internal.h"

#include <string.h>

enum {
    PORT_CRTC_MONO = 0x3B4,
    PORT_STATUS_MONO = 0x3BA,
    PORT_VGA = 0x3C0,
    PORT_CRTC = 0x3D4,
    PORT_STATUS = 0x3DA,
    VGA_PORTS = 16,
};
enum {
    ATTR_WRITE = 0x3C0,
    ATTR_READ = 0x3C1,
    MISC_WRITE = 0x3C2 /* read: status 0 */,
    SEQ_INDEX = 0x3C4,
    SEQ_DATA = 0x3C5,
    DAC_MASK = 0x3C6,
    DAC_READ_INDEX = 0x3C7,
    DAC_WRITE_INDEX = 0x3C8,
    DAC_DATA = 0x3C9,
    FEATURE_READ = 0x3CA,
    MISC_READ = 0x3CC,
    GC_INDEX = 0x3CE,
    GC_DATA = 0x3CF,
};
enum { STATUS0_SENSE = 0x10 };
enum { V_RETRACE_PROTECT = 0x80, OVERFLOW_LINE_COMPARE = 0x10 };

/* Bits that exist, by register; the rest reads 0. */
static const uint8_t seq_bits[SEQ_REGS] = {0x03, 0x3D, 0x0F, 0x3F, 0x0E};
static const uint8_t gc_bits[GC_REGS] = {0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF};
static const uint8_t attr_bits[ATTR_REGS] = {
    0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
    0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0xEF, 0xFF, 0x3F, 0x0F, 0x0F,
};

/* ---- CRT controller ---- */

static void crtc_write(struct vga *s, uint8_t v) {
    uint8_t i = s->crtc_index;
    if (i >= CRTC_REGS) return;
    if (i <= CRTC_OVERFLOW && (s->crtc[CRTC_V_RETRACE_END] & V_RETRACE_PROTECT)) {
        if (i == CRTC_OVERFLOW)
            s->crtc[i] = (uint8_t)((s->crtc[i] & ~OVERFLOW_LINE_COMPARE) | (v & OVERFLOW_LINE_COMPARE));
        return;
    }
    if (i == CRTC_START_HIGH || i == CRTC_START_LOW) vga_start_writes(s);
    s->crtc[i] = v;
}

static uint8_t crtc_read(const struct vga *s) { return s->crtc_index < CRTC_REGS ? s->crtc[s->crtc_index] : 0; }

/* Ports 3x4h, 3x5h, 3xAh answer at 3Dxh or 3Bxh, by bit 0 of the miscellaneous output register. */
static bool answers(const struct vga *s, uint16_t port) { return (port >= PORT_CRTC) == !!(s->misc & MISC_COLOR); }

static uint32_t crtc_port_read(void *opaque, uint16_t port, unsigned size) {
    struct vga *s = opaque;
    (void)size;
    if (!answers(s, port)) return 0xFF;
    switch (port & 0xF) {
    case 4: return s->crtc_index;
    case 5: return crtc_read(s);
    default: s->attr_data = 0; return vga_status1(s);
    }
}

static void crtc_port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct vga *s = opaque;
    (void)size;
    if (!answers(s, port)) return;
    switch (port & 0xF) {
    case 4: s->crtc_index = (uint8_t)value; break;
    case 5: crtc_write(s, (uint8_t)value); break;
    default: s->feature = (uint8_t)value; break;
    }
}

/* ---- Attribute controller ---- */

static void attr_write(struct vga *s, uint8_t v) {
    uint8_t i = s->attr_index & 0x1F;
    s->attr_data ^= 1;
    if (s->attr_data)
        s->attr_index = v & 0x3F;
    else if (i < ATTR_REGS)
        s->attr[i] = v & attr_bits[i];
}

static uint8_t attr_read(const struct vga *s) {
    uint8_t i = s->attr_index & 0x1F;
    return i < ATTR_REGS ? s->attr[i] : 0;
}

/* ---- Video DAC ---- */

static uint8_t dac_bits(const struct vga *s) { return s->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? 0xFF : 0x3F; }

static void dac_data_write(struct vga *s, uint8_t v) {
    s->dac_part[s->dac_step++] = v & dac_bits(s);
    if (s->dac_step < 3) return;
    memcpy(s->dac[s->dac_write++], s->dac_part, 3);
    s->dac_step = 0;
}

static uint8_t dac_data_read(struct vga *s) {
    uint8_t v = s->dac[s->dac_read][s->dac_step++];
    if (s->dac_step < 3) return v;
    s->dac_step = 0;
    s->dac_read++;
    return v;
}

static void dac_index(struct vga *s, bool reading, uint8_t v) {
    s->dac_reading = reading;
    s->dac_step = 0;
    if (reading)
        s->dac_read = v;
    else
        s->dac_write = v;
}

/* ---- Ports 3C0h..3CFh ---- */

static uint32_t vga_read(void *opaque, uint16_t port, unsigned size) {
    struct vga *s = opaque;
    (void)size;
    switch (port) {
    case ATTR_WRITE: return s->attr_data ? 0 : s->attr_index;
    case ATTR_READ: return attr_read(s);
    case MISC_WRITE: return STATUS0_SENSE;
    case SEQ_INDEX: return s->seq_index;
    case SEQ_DATA: return s->seq_index < SEQ_REGS ? s->seq[s->seq_index] : 0;
    case DAC_MASK: return s->dac_mask;
    case DAC_READ_INDEX: return s->dac_reading ? 3 : 0;
    case DAC_WRITE_INDEX: return s->dac_write;
    case DAC_DATA: return dac_data_read(s);
    case FEATURE_READ: return s->feature;
    case MISC_READ: return s->misc;
    case GC_INDEX: return s->gc_index;
    case GC_DATA: return s->gc_index < GC_REGS ? s->gc[s->gc_index] : 0;
    default: return 0xFF;
    }
}

static void seq_write(struct vga *s, uint8_t v) {
    if (s->seq_index >= SEQ_REGS) return;
    s->seq[s->seq_index] = v & seq_bits[s->seq_index];
    vga_mem_update(s);
}

static void gc_write(struct vga *s, uint8_t v) {
    if (s->gc_index >= GC_REGS) return;
    s->gc[s->gc_index] = v & gc_bits[s->gc_index];
    vga_mem_update(s);
}

static void misc_write(struct vga *s, uint8_t v) {
    s->misc = v & 0xEF;
    vga_mem_update(s);
}

static void vga_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct vga *s = opaque;
    uint8_t v = (uint8_t)value;
    (void)size;
    switch (port) {
    case ATTR_WRITE: attr_write(s, v); break;
    case MISC_WRITE: misc_write(s, v); break;
    case SEQ_INDEX: s->seq_index = v; break;
    case SEQ_DATA: seq_write(s, v); break;
    case DAC_MASK: s->dac_mask = v; break;
    case DAC_READ_INDEX: dac_index(s, true, v); break;
    case DAC_WRITE_INDEX: dac_index(s, false, v); break;
    case DAC_DATA: dac_data_write(s, v); break;
    case GC_INDEX: s->gc_index = v; break;
    case GC_DATA: gc_write(s, v); break;
    default: break;
    }
}

/* ---- Life ---- */

static const struct dev_io_ops vga_ops = {
    .name = "vga", .read = vga_read, .write = vga_write, .byte_only = true, .keeps_fpu = true};
static const struct dev_io_ops crtc_ops = {
    .name = "vga-crtc", .read = crtc_port_read, .write = crtc_port_write, .byte_only = true, .keeps_fpu = true};

static const struct {
    uint16_t base, count;
    const struct dev_io_ops *ops;
} ranges[] = {
    {PORT_CRTC_MONO, 2, &crtc_ops}, {PORT_STATUS_MONO, 1, &crtc_ops}, {PORT_VGA, VGA_PORTS, &vga_ops},
    {PORT_CRTC, 2, &crtc_ops},      {PORT_STATUS, 1, &crtc_ops},
};
enum { RANGES = sizeof ranges / sizeof ranges[0] };

enum dev_status vga_regs_map(struct vga *s) {
    for (int i = 0; i < RANGES; i++) {
        enum dev_status st = dev_io_map(s->pci.dev.host->io, ranges[i].base, ranges[i].count, ranges[i].ops, s);
        if (st != DEV_OK) return st;
    }
    return DEV_OK;
}

void vga_regs_unmap(struct vga *s) {
    for (int i = 0; i < RANGES; i++) dev_io_unmap(s->pci.dev.host->io, ranges[i].base, ranges[i].count);
}

void vga_regs_reset(struct vga *s) {
    s->misc = s->feature = 0;
    s->seq_index = s->crtc_index = s->gc_index = s->attr_index = s->attr_data = 0;
    memset(s->seq, 0, sizeof s->seq);
    memset(s->crtc, 0, sizeof s->crtc);
    memset(s->gc, 0, sizeof s->gc);
    memset(s->attr, 0, sizeof s->attr);
    memset(s->latch, 0, sizeof s->latch);
    memset(s->dac, 0, sizeof s->dac);
    memset(s->dac_part, 0, sizeof s->dac_part);
    s->dac_mask = 0xFF;
    s->dac_reading = s->dac_read = s->dac_write = s->dac_step = 0;
    s->start_before = 0;
    s->start_ns = 0;
}

void vga_regs_fix(struct vga *s) {
    for (int i = 0; i < SEQ_REGS; i++) s->seq[i] &= seq_bits[i];
    for (int i = 0; i < GC_REGS; i++) s->gc[i] &= gc_bits[i];
    for (int i = 0; i < ATTR_REGS; i++) s->attr[i] &= attr_bits[i];
    s->misc &= 0xEF;
    s->attr_data &= 1;
    s->attr_index &= 0x3F;
    s->dac_step %= 3;
    vga_start_fix(s);
}
