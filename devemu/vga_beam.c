/*
 * vga_beam.c: where the beam is, of which the CPU sees status 1 (3DAh), and when a new start address counts.
 *
 * Source: IBM VGA Technical Reference, "Input Status Register 1", "Start Address High
 * Register": a write to the start address is put off until the next vertical
 * retrace, so that pages change between two frames. No timer is needed: what is shown follows from the time.
 */
#include "devemu/vga_internal.h"

enum { STATUS1_BLANK = 0x01, STATUS1_RETRACE = 0x08 };
#define NS_PER_S UINT64_C(1000000000)

/* A frame in scan lines. */
struct beam {
    uint32_t total, shown, retrace, length; /* retrace < total */
    uint64_t line_ns;
};

/* 60 frames a second while the CRTC has not been programmed. */
static struct beam beam_of(const struct vga *s) {
    static const uint32_t dot_khz[4] = {25175, 28322, 25175, 25175};
    uint8_t over = s->crtc[CRTC_OVERFLOW];
    uint32_t dots = (s->crtc[CRTC_H_TOTAL] + 5u) * (s->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS ? 8 : 9);
    struct beam b = {
        .total = s->crtc[CRTC_V_TOTAL] + ((over & 1) << 8) + ((over & 0x20u) << 4) + 2,
        .shown = s->crtc[CRTC_V_END] + ((over & 2u) << 7) + ((over & 0x40u) << 3) + 1,
        .retrace = s->crtc[CRTC_V_RETRACE_START] + ((over & 4u) << 6) + ((over & 0x80u) << 2),
        .line_ns = (uint64_t)dots * 1000000 / dot_khz[s->misc >> 2 & 3],
    };
    b.length = ((s->crtc[CRTC_V_RETRACE_END] & 15u) - b.retrace) & 15;
    if (!b.length) b.length = 16;
    if (s->seq[SEQ_CLOCKING] & CLOCKING_HALF) b.line_ns *= 2;
    if (b.total < 100 || b.line_ns < 1000)
        b = (struct beam){.total = 525, .shown = 480, .retrace = 490, .length = 2, .line_ns = 31778};
    if (b.retrace >= b.total) b.retrace = b.total - 1;
    return b;
}

static uint64_t now_ns(const struct vga *s) { return s->pci.dev.host->now_ns(s->pci.dev.host->opaque); }

uint8_t vga_status1(const struct vga *s) {
    struct beam b = beam_of(s);
    uint64_t in_frame = now_ns(s) % (b.total * b.line_ns);
    uint64_t line = in_frame / b.line_ns;
    bool in_retrace = line >= b.retrace && line < b.retrace + b.length;
    bool blank = line >= b.shown || in_frame % b.line_ns >= b.line_ns * 4 / 5;
    return (uint8_t)((blank || in_retrace ? STATUS1_BLANK : 0) | (in_retrace ? STATUS1_RETRACE : 0));
}

/* ---- Start address ---- */

uint16_t vga_start_written(const struct vga *s) {
    return (uint16_t)(s->crtc[CRTC_START_HIGH] << 8 | s->crtc[CRTC_START_LOW]);
}

/* Asked of the timing that there is now: when it changes, the CPU sees the retrace of the new one and so does the
 * screen. */
static bool retrace_since_start(const struct vga *s) {
    struct beam b = beam_of(s);
    uint64_t now = now_ns(s), frame = b.total * b.line_ns, retrace = b.retrace * b.line_ns;
    return now - s->start_ns > (now % frame + frame - retrace) % frame;
}

uint16_t vga_start_shown(const struct vga *s) {
    return retrace_since_start(s) ? vga_start_written(s) : s->start_before;
}

void vga_start_writes(struct vga *s) {
    if (!retrace_since_start(s)) return; /* the frame that shows has its address already */
    s->start_before = vga_start_written(s);
    s->start_ns = now_ns(s);
}

void vga_start_fix(struct vga *s) {
    if (s->start_ns > now_ns(s)) s->start_ns = now_ns(s);
}
