/*
 * vga_internal.h: struct vga, shared by the files of the device (vga.c: life,
 * vga_regs.c: VGA ports, vga_beam.c: timing, vga_vbe.c: VBE ports, vga_mem.c: the window at A0000h,
 * vga_draw*.c: the picture, vga_text.c: text).
 *
 * Video memory is interleaved: byte `offset` of plane p is at vram[offset*4 + p]. So a
 * chain-4 or linear address is an index into vram. What odd/even modes address (text) is not
 * contiguous there; while such a mode is on, `text` holds those bytes in the order of
 * addresses, the guest writes them directly, and vga_mem_settle copies them to the planes.
 * Both lie in frames of guest memory and are saved with it.
 */
#ifndef NOVT_DEVEMU_VGA_INTERNAL_H
#define NOVT_DEVEMU_VGA_INTERNAL_H

#include "devemu/vga.h"

enum { SEQ_REGS = 5, CRTC_REGS = 0x19, GC_REGS = 9, ATTR_REGS = 0x15, VBE_REGS = 11, PLANE_MASK = 0xFFFF };

/* Sequencer */
enum { SEQ_CLOCKING = 1, SEQ_MAP_MASK = 2, SEQ_FONT = 3, SEQ_MEMORY = 4 };
enum { CLOCKING_8_DOTS = 0x01, CLOCKING_HALF = 0x08, CLOCKING_OFF = 0x20 };
enum { MEMORY_SEQUENTIAL = 0x04 /* clear: odd/even */, MEMORY_CHAIN4 = 0x08 };
/* CRT controller */
enum {
    CRTC_H_TOTAL = 0x00,
    CRTC_H_END = 0x01,
    CRTC_V_TOTAL = 0x06,
    CRTC_OVERFLOW = 0x07,
    CRTC_PRESET = 0x08,
    CRTC_MAX_SCAN = 0x09,
    CRTC_CURSOR_START = 0x0A,
    CRTC_CURSOR_END = 0x0B,
    CRTC_START_HIGH = 0x0C,
    CRTC_START_LOW = 0x0D,
    CRTC_CURSOR_HIGH = 0x0E,
    CRTC_CURSOR_LOW = 0x0F,
    CRTC_V_RETRACE_START = 0x10,
    CRTC_V_RETRACE_END = 0x11,
    CRTC_V_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_UNDERLINE = 0x14,
    CRTC_MODE = 0x17,
    CRTC_LINE_COMPARE = 0x18,
};
/* Graphics controller */
enum {
    GC_SET_RESET = 0,
    GC_ENABLE_SET_RESET = 1,
    GC_COMPARE = 2,
    GC_ROTATE = 3,
    GC_READ_MAP = 4,
    GC_MODE = 5,
    GC_MISC = 6,
    GC_DONT_CARE = 7,
    GC_BIT_MASK = 8,
};
enum { GC_MODE_READ1 = 0x08, GC_MODE_ODD_EVEN = 0x10, GC_MODE_INTERLEAVE = 0x20, GC_MODE_256 = 0x40 };
enum { GC_MISC_GRAPHICS = 0x01, GC_MISC_CHAIN = 0x02 };
/* Attribute controller */
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN = 0x11, ATTR_PLANES = 0x12, ATTR_PAN = 0x13, ATTR_COLOR = 0x14 };
enum {
    AMODE_GRAPHICS = 0x01,
    AMODE_MONO = 0x02,
    AMODE_LINE = 0x04,
    AMODE_BLINK = 0x08,
    AMODE_PAN_TOP = 0x20,
    AMODE_P54 = 0x80
};
enum { ATTR_SOURCE = 0x20 /* in the index: the palette is the screen's, not the CPU's */ };
/* Miscellaneous output */
enum { MISC_COLOR = 0x01, MISC_RAM = 0x02 };
/* VBE */
enum {
    VBE_ID = 0,
    VBE_XRES = 1,
    VBE_YRES = 2,
    VBE_BPP = 3,
    VBE_ENABLE = 4,
    VBE_BANK = 5,
    VBE_VIRT_WIDTH = 6,
    VBE_VIRT_HEIGHT = 7,
    VBE_X_OFFSET = 8,
    VBE_Y_OFFSET = 9,
    VBE_MEMORY_64K = 10,
};
enum { VBE_ENABLED = 0x01, VBE_GET_CAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_NO_CLEAR = 0x80 };

/* What the window at A0000h..BFFFFh shows directly. size 0: nothing, all accesses come to vga_mem.c. */
struct vga_window {
    uint32_t base, size;
    int32_t frame;
    bool text; /* `text` is shown, and holds the truth about the even offsets of planes 0 and 1 */
};

struct vga {
    struct pci_dev pci;
    /* Registers */
    uint8_t misc, feature;
    uint8_t seq_index, crtc_index, gc_index, attr_index;
    uint8_t seq[SEQ_REGS], crtc[CRTC_REGS], gc[GC_REGS], attr[ATTR_REGS];
    uint8_t attr_data; /* the next write to 3C0h is data */
    uint8_t dac_mask, dac_reading, dac_read, dac_write, dac_step;
    uint8_t dac_part[3], dac[256][3];
    uint8_t latch[4];
    uint16_t
        start_before; /* start address of the picture until a retrace after start_ns; then what the registers say */
    uint64_t start_ns;
    uint16_t vbe_index, vbe[VBE_REGS];
    /* Memory */
    int32_t vram_frame, text_frame;
    uint8_t *vram, *text;
    struct smmu_mmio mmio;
    struct vga_window window; /* mapped at present */
    bool mapped;
};

static inline struct vga *to_vga(struct dev *d) { return (struct vga *)d; }
static inline bool vga_vbe_on(const struct vga *s) { return s->vbe[VBE_ENABLE] & VBE_ENABLED; }
static inline const uint8_t *vga_cell(const struct vga *s, uint32_t offset) {
    return s->vram + (offset & PLANE_MASK) * 4;
}

/* vga_regs.c */
enum dev_status vga_regs_map(struct vga *s);
void vga_regs_unmap(struct vga *s);
void vga_regs_reset(struct vga *s);
void vga_regs_fix(struct vga *s); /* after load: no index out of range */

/* vga_beam.c */
uint8_t vga_status1(const struct vga *s);
uint16_t vga_start_written(const struct vga *s);
uint16_t vga_start_shown(const struct vga *s); /* the start address of the frame that the beam is in */
void vga_start_writes(struct vga *s);          /* called before the CPU writes a start address register */
void vga_start_fix(struct vga *s);             /* after load */

/* vga_vbe.c */
struct vga_linear { /* the VBE mode in force; meaningful while vga_vbe_on */
    unsigned width, height, bpp;
    uint32_t pitch, start; /* bytes; with 4 bpp: of a plane */
};
enum dev_status vga_vbe_map(struct vga *s);
void vga_vbe_unmap(struct vga *s);
void vga_vbe_reset(struct vga *s);
struct vga_linear vga_vbe_mode(const struct vga *s);

/* vga_mem.c */
enum dev_status vga_mem_map(struct vga *s);
void vga_mem_unmap(struct vga *s);
/* A register that rules the window may have changed. */
void vga_mem_update(struct vga *s);
/* Makes the planes hold what the guest sees. */
void vga_mem_settle(struct vga *s);

/* vga_draw*.c */
/* Timing of the VGA modes, in character clocks and scan lines. */
struct vga_frame {
    unsigned columns, lines; /* displayed */
    unsigned dots;           /* of a character clock: 8 or 9 */
    unsigned wide;           /* 2: every dot is drawn twice (half dot clock) */
    unsigned row_height;     /* scan lines of a row, doubling included */
    bool doubled;
    uint32_t start, pitch; /* memory address counter: at the top, and added at a row's end */
    unsigned line_compare, byte_pan;
};
struct vga_frame vga_frame_of(const struct vga *s);
/* One scan line in the making. */
struct vga_line {
    uint32_t *out;
    unsigned width;   /* pixels */
    uint32_t counter; /* memory address counter at its left end */
    unsigned row_scan, pan;
    bool blink_on;
};
void vga_draw_text_line(const struct vga *s, const struct vga_frame *f, const struct vga_line *l,
                        const uint32_t *palette);
void vga_draw_graphics_line(const struct vga *s, const struct vga_frame *f, const struct vga_line *l,
                            const uint32_t *palette, const uint32_t *dac);
void vga_draw_linear(const struct vga *s, uint32_t *pixels, const uint32_t *palette, const uint32_t *dac);
/* Address that the CRT controller puts on the memory for this counter and row scan. */
uint32_t vga_crtc_address(const struct vga *s, uint32_t counter, unsigned row_scan);
bool vga_is_graphics(const struct vga *s);
#endif
