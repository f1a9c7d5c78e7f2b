/*
 * vga_vbe.c: the Bochs VBE DISPI interface, ports 1CEh (index) and 1CFh or 1D0h (data).
 *
 * Registers keep what the guest wrote; vga_vbe_mode says what comes of it: a
 * mode that fits into video memory, whatever was written.
 */
#include "devemu/vga_internal.h"

#include <string.h>

enum {
    PORT_INDEX = 0x1CE,
    PORTS = 3,
    ID_FIRST = 0xB0C0,
    ID_LAST = 0xB0C5,
    MAX_X = 2560,
    MAX_Y = 1600,
    MAX_BPP = 32,
    BANKS = VGA_VRAM_BYTES >> 16
};

/* ---- The mode ---- */

static unsigned known_bpp(unsigned v) {
    switch (v) {
    case 4:
    case 8:
    case 15:
    case 16:
    case 24:
    case 32: return v;
    default: return 8;
    }
}

static uint32_t line_bytes(unsigned bpp, unsigned pixels) { return bpp == 4 ? pixels / 8 : pixels * ((bpp + 7) / 8); }
static uint32_t memory_of(unsigned bpp) { return bpp == 4 ? VGA_VRAM_BYTES / 4 : VGA_VRAM_BYTES; }
static unsigned clamp(unsigned v, unsigned lo, unsigned hi) { return v < lo ? lo : v > hi ? hi : v; }

struct vga_linear vga_vbe_mode(const struct vga *s) {
    struct vga_linear m = {.bpp = known_bpp(s->vbe[VBE_BPP])};
    m.width = clamp(s->vbe[VBE_XRES] & ~7u, 8, MAX_X);
    unsigned virt = clamp(s->vbe[VBE_VIRT_WIDTH] & ~7u, m.width, 0xFFF8);
    m.pitch = line_bytes(m.bpp, virt);
    m.height = clamp(s->vbe[VBE_YRES], 1, clamp(memory_of(m.bpp) / m.pitch, 1, MAX_Y));
    unsigned x = clamp(s->vbe[VBE_X_OFFSET], 0, virt - m.width);
    uint64_t start = (uint64_t)s->vbe[VBE_Y_OFFSET] * m.pitch + line_bytes(m.bpp, x);
    uint64_t shown = (uint64_t)(m.height - 1) * m.pitch + line_bytes(m.bpp, m.width);
    m.start = start + shown <= memory_of(m.bpp) ? (uint32_t)start : 0;
    return m;
}

/* ---- Registers ---- */

static void clear_screen(struct vga *s) {
    struct vga_linear m = vga_vbe_mode(s);
    size_t bytes = (size_t)m.pitch * m.height;
    memset(s->vram, 0, m.bpp == 4 ? bytes * 4 : bytes);
}

static void write_enable(struct vga *s, uint16_t v) {
    bool was = vga_vbe_on(s);
    s->vbe[VBE_ENABLE] = v;
    if (!was && vga_vbe_on(s)) {
        s->vbe[VBE_VIRT_WIDTH] = s->vbe[VBE_XRES];
        s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = s->vbe[VBE_BANK] = 0;
        vga_mem_update(s); /* first: leaving a text mode keeps its text */
        if (!(v & VBE_NO_CLEAR)) clear_screen(s);
    }
    vga_mem_update(s);
}

static void write_data(struct vga *s, uint16_t v) {
    switch (s->vbe_index) {
    case VBE_ID:
        if (v >= ID_FIRST && v <= ID_LAST) s->vbe[VBE_ID] = v;
        break;
    case VBE_ENABLE: write_enable(s, v); break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        s->vbe[s->vbe_index] = v;
        vga_mem_update(s);
        break;
    case VBE_BANK:
        s->vbe[VBE_BANK] = v % BANKS;
        vga_mem_update(s);
        break;
    default: break;
    }
}

static uint16_t read_caps(uint16_t index, uint16_t normal) {
    switch (index) {
    case VBE_XRES: return MAX_X;
    case VBE_YRES: return MAX_Y;
    case VBE_BPP: return MAX_BPP;
    default: return normal;
    }
}

static uint16_t read_data(const struct vga *s) {
    uint16_t i = s->vbe_index;
    if (i == VBE_MEMORY_64K) return VGA_VRAM_BYTES >> 16;
    if (i >= VBE_REGS) return 0;
    if (i == VBE_VIRT_HEIGHT && vga_vbe_on(s)) {
        struct vga_linear m = vga_vbe_mode(s);
        return (uint16_t)clamp(memory_of(m.bpp) / m.pitch, 0, 0xFFFF);
    }
    return s->vbe[VBE_ENABLE] & VBE_GET_CAPS ? read_caps(i, s->vbe[i]) : s->vbe[i];
}

/* ---- Ports: words; 1CFh is also reached as 1D0h, for those who cannot make unaligned accesses ---- */

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    const struct vga *s = opaque;
    uint32_t v = port == PORT_INDEX ? s->vbe_index : read_data(s);
    return size == 4 ? v | 0xFFFF0000u : size == 1 ? v & 0xFF : v;
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct vga *s = opaque;
    (void)size;
    if (port == PORT_INDEX)
        s->vbe_index = (uint16_t)value;
    else
        write_data(s, (uint16_t)value);
}

static const struct dev_io_ops ops = {.name = "vbe", .read = port_read, .write = port_write};

enum dev_status vga_vbe_map(struct vga *s) { return dev_io_map(s->pci.dev.host->io, PORT_INDEX, PORTS, &ops, s); }
void vga_vbe_unmap(struct vga *s) { dev_io_unmap(s->pci.dev.host->io, PORT_INDEX, PORTS); }

void vga_vbe_reset(struct vga *s) {
    s->vbe_index = 0;
    memset(s->vbe, 0, sizeof s->vbe);
    s->vbe[VBE_ID] = ID_LAST;
}
