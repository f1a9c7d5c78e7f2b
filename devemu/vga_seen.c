/*
 * vga_seen.c: has anything changed that the picture is made from?
 *
 * By comparing: the guest writes its text and linear pictures without anybody noticing. Nothing is drawn while nothing
 * has changed, which is most of the time.
 */
#include "devemu/vga_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PLANES_BYTES = (PLANE_MASK + 1) * 4 };

_Static_assert(6 + SEQ_REGS + CRTC_REGS + GC_REGS + ATTR_REGS + 2 * VBE_REGS + 768 <= VGA_SEEN_REGS, "registers fit");

struct cut {
    const uint8_t *at;
    size_t size;
};

/* The part of video memory that can show. */
static struct cut shown_part(struct vga *s) {
    if (!vga_vbe_on(s)) {
        vga_mem_settle(s);
        return (struct cut){s->vram, PLANES_BYTES};
    }
    struct vga_linear m = vga_vbe_mode(s);
    size_t line = (size_t)m.width * ((m.bpp + 7) / 8), unit = m.bpp == 4 ? 4 : 1;
    if (m.bpp == 4) line = m.width / 8;
    return (struct cut){s->vram + m.start * unit, ((size_t)(m.height - 1) * m.pitch + line) * unit};
}

static uint8_t *put(uint8_t *out, const void *from, size_t size) {
    memcpy(out, from, size);
    return out + size;
}

static void collect(const struct vga *s, bool blink_on, uint8_t *out) {
    bool blinks = !vga_vbe_on(s) && (!vga_is_graphics(s) || (s->attr[ATTR_MODE] & AMODE_BLINK));
    *out++ = s->misc;
    *out++ = s->dac_mask;
    *out++ = s->attr_index & ATTR_SOURCE;
    *out++ = blinks && blink_on;
    uint16_t start = vga_start_shown(s);
    out = put(out, &start, sizeof start);
    out = put(out, s->seq, sizeof s->seq);
    out = put(out, s->crtc, sizeof s->crtc);
    out = put(out, s->gc, sizeof s->gc);
    out = put(out, s->attr, sizeof s->attr);
    out = put(out, s->dac, sizeof s->dac);
    for (int i = 0; i < VBE_REGS; i++)
        if (i != VBE_BANK)
            out = put(out, &s->vbe[i], sizeof s->vbe[i]); /* the bank is the CPU's view, not the screen's */
}

/* False: no memory for the copy, so the next comparison finds a difference again. */
static bool keep(struct vga_seen *seen, const struct cut *c) {
    if (seen->size != c->size) {
        free(seen->memory);
        seen->memory = malloc(c->size);
        seen->size = seen->memory ? c->size : 0;
    }
    if (!seen->memory) return false;
    memcpy(seen->memory, c->at, c->size);
    return true;
}

bool vga_changed(struct dev *d, struct vga_seen *seen, bool blink_on) {
    struct vga *s = to_vga(d);
    uint8_t regs[VGA_SEEN_REGS] = {0};
    struct cut c = shown_part(s);
    collect(s, blink_on, regs);
    bool same_memory = seen->size == c.size && !memcmp(seen->memory, c.at, c.size);
    if (same_memory && !memcmp(seen->regs, regs, sizeof regs)) return false;
    memcpy(seen->regs, regs, sizeof regs);
    if (!same_memory) keep(seen, &c);
    return true;
}

void vga_seen_free(struct vga_seen *seen) {
    free(seen->memory);
    *seen = (struct vga_seen){0};
}
