/*
 * vga_mem.c: the window at A0000h..BFFFFh: direct where one guest byte is one
 * byte of video memory, else through the graphics controller, byte by byte.
 *
 * Source: Ferraro, "The Graphics Controller" and "Display Memory"; IBM VGA
 * Technical Reference, "Video Memory Read/Write Operations". Four planes are one
 * 32-bit word here, plane 0 in the low byte.
 * Invariant: s->window.text says where the truth about text is (vga_internal.h).
 */
#include "devemu/vga_internal.h"

enum { WINDOW_BASE = 0xA0000, WINDOW_SIZE = 0x20000, BANK_SIZE = 0x10000, ALL_PLANES = 0x0F };

/* ---- Which part of the window is ours, and where it leads ---- */

struct area {
    uint32_t base, size;
};

static struct area area_of(const struct vga *s) {
    static const struct area areas[4] = {{0xA0000, 0x20000}, {0xA0000, 0x10000}, {0xB0000, 0x8000}, {0xB8000, 0x8000}};
    if (!(s->misc & MISC_RAM)) return (struct area){0, 0};
    if (vga_vbe_on(s)) return areas[1];
    return areas[s->gc[GC_MISC] >> 2 & 3];
}

static bool linear_vbe(const struct vga *s) { return vga_vbe_on(s) && vga_vbe_mode(s).bpp >= 8; }
static bool chain4(const struct vga *s) { return linear_vbe(s) || (s->seq[SEQ_MEMORY] & MEMORY_CHAIN4); }
static uint32_t bank_base(const struct vga *s) { return vga_vbe_on(s) ? (uint32_t)s->vbe[VBE_BANK] * BANK_SIZE : 0; }

/* Does a CPU byte go to and come from memory unchanged? */
static bool plain(const struct vga *s) {
    return !(s->gc[GC_MODE] & (3 | GC_MODE_READ1)) && !s->gc[GC_ENABLE_SET_RESET] && !s->gc[GC_ROTATE] &&
           s->gc[GC_BIT_MASK] == 0xFF;
}

static bool odd_even_both_ways(const struct vga *s) {
    return !(s->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL) && (s->gc[GC_MODE] & GC_MODE_ODD_EVEN) &&
           (s->gc[GC_MISC] & GC_MISC_CHAIN) && (s->seq[SEQ_MAP_MASK] & ALL_PLANES) == 3 && !(s->gc[GC_READ_MAP] & 2);
}

static struct vga_window wanted(const struct vga *s) {
    struct area a = area_of(s);
    struct vga_window w = {.base = a.base, .size = a.size, .frame = s->vram_frame};
    if (!a.size) return w;
    if (linear_vbe(s)) {
        w.frame += (int32_t)(bank_base(s) >> SMMU_PAGE_SHIFT);
        return w;
    }
    if (!vga_vbe_on(s) && plain(s)) {
        if (chain4(s) && s->seq[SEQ_MAP_MASK] == ALL_PLANES) return w;
        if (!chain4(s) && odd_even_both_ways(s) && a.size <= VGA_TEXT_BYTES) {
            w.frame = s->text_frame;
            w.text = true;
            return w;
        }
    }
    return (struct vga_window){0};
}

/* ---- Text bytes: even addresses are plane 0, odd ones plane 1, both at the even offset ---- */

static void text_from_planes(struct vga *s) {
    for (uint32_t at = 0; at < VGA_TEXT_BYTES; at += 2) {
        s->text[at] = s->vram[at * 4];
        s->text[at + 1] = s->vram[at * 4 + 1];
    }
}

void vga_mem_settle(struct vga *s) {
    for (uint32_t at = 0; s->window.text && at < s->window.size; at += 2) {
        s->vram[at * 4] = s->text[at];
        s->vram[at * 4 + 1] = s->text[at + 1];
    }
}

/* ---- Mapping ---- */

static void map_window(struct vga *s, const struct vga_window *w) {
    struct smmu_mem *mem = s->pci.dev.host->mem;
    bool same_place = w->size && w->base == s->window.base && w->size == s->window.size;
    if (s->window.size && !same_place) (void)smmu_mem_map_mmio(mem, gpa(WINDOW_BASE), WINDOW_SIZE, &s->mmio);
    if (w->size) (void)smmu_mem_map_frames(mem, gpa(w->base), w->size, w->frame, w->frame);
}

void vga_mem_update(struct vga *s) {
    struct vga_window w = wanted(s), *now = &s->window;
    if (!s->mapped || (w.base == now->base && w.size == now->size && w.frame == now->frame && w.text == now->text))
        return;
    vga_mem_settle(s);
    if (w.text) text_from_planes(s);
    map_window(s, &w);
    *now = w;
}

/* ---- The graphics controller ---- */

/* Four bits, one a plane, to a word of whole bytes. */
static uint32_t expand(unsigned planes) { return (((planes & 0xF) * 0x00204081u) & 0x01010101u) * 0xFF; }

static uint32_t get_latch(const struct vga *s) {
    return s->latch[0] | (uint32_t)s->latch[1] << 8 | (uint32_t)s->latch[2] << 16 | (uint32_t)s->latch[3] << 24;
}

static uint32_t load_word(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_masked(uint8_t *p, uint32_t value, uint32_t mask) {
    for (int i = 0; i < 4; i++, value >>= 8, mask >>= 8)
        if (mask & 0xFF) p[i] = (uint8_t)value;
}

/* A CPU access: where in the planes, and which of them. */
struct place {
    uint32_t offset;
    unsigned plane, mask;
};

/* False: outside of the present window. */
static bool locate(const struct vga *s, uint32_t address, bool writing, struct place *p) {
    struct area a = area_of(s);
    uint32_t at = address - a.base;
    if (address < a.base || at >= a.size) return false;
    bool odd_even = writing ? !(s->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL) : (s->gc[GC_MODE] & GC_MODE_ODD_EVEN) != 0;
    p->mask = s->seq[SEQ_MAP_MASK];
    if (chain4(s)) {
        p->plane = at & 3;
        p->mask &= 1u << p->plane;
        p->offset = at >> 2;
    } else {
        p->plane = odd_even ? (s->gc[GC_READ_MAP] & 2u) | (at & 1) : s->gc[GC_READ_MAP];
        if (odd_even) p->mask &= at & 1 ? 0xAu : 0x5u;
        if (s->gc[GC_MISC] & GC_MISC_CHAIN) at = (at & ~1u) | (a.size > BANK_SIZE ? at >> 16 & 1 : 0);
        p->offset = (at & PLANE_MASK) + bank_base(s);
    }
    p->offset &= VGA_VRAM_BYTES / 4 - 1;
    return true;
}

/* Read mode 1: a bit for every dot whose colour, in the planes that matter, is the compare colour. */
static uint8_t compare_colour(const struct vga *s, uint32_t word) {
    uint32_t differs = (word ^ expand(s->gc[GC_COMPARE])) & expand(s->gc[GC_DONT_CARE]);
    differs |= differs >> 16;
    return (uint8_t) ~(differs | differs >> 8);
}

static uint8_t read_byte(struct vga *s, uint32_t address) {
    struct place p;
    if (!locate(s, address, false, &p)) return 0xFF;
    const uint8_t *cell = s->vram + p.offset * 4;
    for (int i = 0; i < 4; i++) s->latch[i] = cell[i];
    if (s->gc[GC_MODE] & GC_MODE_READ1) return compare_colour(s, load_word(cell));
    return cell[p.plane];
}

static uint8_t rotate(const struct vga *s, uint8_t v) {
    unsigned n = s->gc[GC_ROTATE] & 7;
    return (uint8_t)(v >> n | v << (8 - n));
}

static uint32_t logic(const struct vga *s, uint32_t v, uint32_t latch) {
    switch (s->gc[GC_ROTATE] >> 3 & 3) {
    case 1: return v & latch;
    case 2: return v | latch;
    case 3: return v ^ latch;
    default: return v;
    }
}

static uint32_t in_all_planes(uint8_t v) { return v * 0x01010101u; }

/* What write mode 0, 1, 2 or 3 makes of a CPU byte. */
static uint32_t write_value(const struct vga *s, uint8_t v) {
    uint32_t latch = get_latch(s), set = expand(s->gc[GC_SET_RESET]), enable = expand(s->gc[GC_ENABLE_SET_RESET]);
    uint8_t mask = s->gc[GC_BIT_MASK];
    uint32_t value;
    switch (s->gc[GC_MODE] & 3) {
    case 0: value = (in_all_planes(rotate(s, v)) & ~enable) | (set & enable); break;
    case 1: return latch;
    case 2: value = expand(v); break;
    default:
        value = set;
        mask &= rotate(s, v);
        break;
    }
    value = logic(s, value, latch);
    uint32_t bits = in_all_planes(mask);
    return (value & bits) | (latch & ~bits);
}

static void write_byte(struct vga *s, uint32_t address, uint8_t v) {
    struct place p;
    if (!locate(s, address, true, &p)) return;
    store_masked(s->vram + p.offset * 4, write_value(s, v), expand(p.mask));
}

/* ---- The range as the memory map sees it ---- */

static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint64_t)read_byte(opaque, WINDOW_BASE + offset + i) << (8 * i);
    return v;
}

static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    for (unsigned i = 0; i < size; i++) write_byte(opaque, WINDOW_BASE + offset + i, (uint8_t)(value >> (8 * i)));
}

enum dev_status vga_mem_map(struct vga *s) {
    s->mmio =
        (struct smmu_mmio){.name = "vga", .opaque = s, .read = mmio_read, .write = mmio_write, .stores_only = true};
    s->mapped = smmu_mem_map_mmio(s->pci.dev.host->mem, gpa(WINDOW_BASE), WINDOW_SIZE, &s->mmio) == SMMU_OK;
    return s->mapped ? DEV_OK : DEV_NO_MEMORY;
}

void vga_mem_unmap(struct vga *s) {
    if (s->mapped) (void)smmu_mem_unmap(s->pci.dev.host->mem, gpa(WINDOW_BASE), WINDOW_SIZE);
    s->mapped = false;
}
