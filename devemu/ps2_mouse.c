/*
 * ps2_mouse.c: a PS/2 mouse with the IntelliMouse wheel and five buttons.
 *
 * Movement is summed until a packet can be sent; a packet is made only when
 * the one before has gone, so a slow guest sees fewer, larger steps. It sees
 * every change of a button, though, and where it was: a sum ends at one. After
 * PS2_MOUSE_PAST such sums the guest sleeps, and they are told as one change.
 */
#include "devemu/ps2.h"

enum {
    SCALE_11 = 0xE6,
    SCALE_21 = 0xE7,
    RESOLUTION = 0xE8,
    STATUS = 0xE9,
    STREAM = 0xEA,
    READ_DATA = 0xEB,
    WRAP_OFF = 0xEC,
    WRAP = 0xEE,
    REMOTE = 0xF0,
    IDENTIFY = 0xF2,
    RATE = 0xF3,
    ENABLE = 0xF4,
    DISABLE = 0xF5,
    DEFAULTS = 0xF6,
    RESEND = 0xFE,
    RESET = 0xFF,
};
enum { PKT_ALWAYS = 0x08, PKT_X_NEGATIVE = 0x10, PKT_Y_NEGATIVE = 0x20 };

static void forget_motion(struct ps2_mouse *m) {
    m->now = (struct ps2_motion){.buttons = m->now.buttons};
    m->n_past = 0;
}

static void set_defaults(struct ps2_mouse *m) {
    m->command = 0;
    m->rate = 100;
    m->resolution = 2;
    m->scale21 = m->remote = m->wrap = m->reporting = 0;
    forget_motion(m);
    ps2_clear(&m->packets);
}

void ps2_mouse_reset(struct ps2_mouse *m) {
    set_defaults(m);
    ps2_clear(&m->replies);
    m->id = 0;
    m->knock[0] = m->knock[1] = 0;
    m->sent_buttons = m->now.buttons;
}

/* ---- Packets ---- */

static int32_t take_step(int32_t *sum, int32_t most) {
    int32_t step = *sum > most ? most : *sum < -most ? -most : *sum;
    *sum -= step;
    return step;
}

/* Scaling 2:1 is for what the mouse sends by itself. */
static int32_t scaled(int32_t step) {
    static const uint8_t small[] = {0, 1, 1, 3, 6, 9};
    int32_t size = step < 0 ? -step : step;
    int32_t more = size < (int32_t)sizeof small ? small[size] : 2 * size;
    return step < 0 ? -more : more;
}

static int32_t axis(struct ps2_mouse *m, int32_t *sum, const struct ps2_queue *q) {
    bool twice = m->scale21 && q == &m->packets;
    return twice ? scaled(take_step(sum, 127)) : take_step(sum, 255);
}

static bool moved(const struct ps2_mouse *m, const struct ps2_motion *w) { return w->dx || w->dy || (w->dz && m->id); }

static void put_motion(struct ps2_mouse *m, struct ps2_motion *w, struct ps2_queue *q) {
    int32_t dx = axis(m, &w->dx, q), dy = axis(m, &w->dy, q);
    ps2_put(q,
            (uint8_t)(PKT_ALWAYS | (w->buttons & 7) | (dx < 0 ? PKT_X_NEGATIVE : 0) | (dy < 0 ? PKT_Y_NEGATIVE : 0)));
    ps2_put(q, (uint8_t)dx);
    ps2_put(q, (uint8_t)dy);
    if (m->id == 3)
        ps2_put(q, (uint8_t)take_step(&w->dz, 127));
    else if (m->id == 4)
        ps2_put(q, (uint8_t)((take_step(&w->dz, 7) & 15) | (w->buttons << 1 & 0x30)));
    else
        w->dz = 0;
    m->sent_buttons = w->buttons;
}

static void drop_oldest(struct ps2_mouse *m) {
    m->n_past--;
    for (unsigned i = 0; i < m->n_past; i++) m->past[i] = m->past[i + 1];
}

static void make_packet(struct ps2_mouse *m, struct ps2_queue *q) {
    struct ps2_motion *w = m->n_past ? &m->past[0] : &m->now;
    put_motion(m, w, q);
    if (m->n_past && !moved(m, w)) drop_oldest(m);
}

static bool has_news(const struct ps2_mouse *m) {
    return m->n_past || moved(m, &m->now) || m->now.buttons != m->sent_buttons;
}

static int32_t add_clamped(int32_t a, int b) {
    int64_t sum = (int64_t)a + b;
    return (int32_t)(sum > 0xFFFF ? 0xFFFF : sum < -0xFFFF ? -0xFFFF : sum);
}

static void change_buttons(struct ps2_mouse *m, uint8_t buttons) {
    if (buttons != m->now.buttons && has_news(m) && m->n_past < PS2_MOUSE_PAST) {
        m->past[m->n_past++] = m->now;
        m->now = (struct ps2_motion){0};
    }
    m->now.buttons = buttons;
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons) {
    change_buttons(m, buttons & 31);
    m->now.dx = add_clamped(m->now.dx, dx);
    m->now.dy = add_clamped(m->now.dy, dy);
    m->now.dz = add_clamped(m->now.dz, dz);
    if (!m->reporting && !m->remote) forget_motion(m);
}

bool ps2_mouse_has(struct ps2_mouse *m) {
    if (!m->packets.count && m->reporting && !m->remote && has_news(m)) make_packet(m, &m->packets);
    return m->replies.count || m->packets.count;
}

uint8_t ps2_mouse_take(struct ps2_mouse *m) {
    m->last = ps2_get(m->replies.count ? &m->replies : &m->packets);
    return m->last;
}

/* ---- Commands ---- */

static void reply(struct ps2_mouse *m, uint8_t v) { ps2_put(&m->replies, v); }

static void set_rate(struct ps2_mouse *m, uint8_t rate) {
    if (m->knock[0] == 200 && m->knock[1] == 100 && rate == 80)
        m->id = 3;
    else if (m->id == 3 && m->knock[0] == 200 && m->knock[1] == 200 && rate == 80)
        m->id = 4;
    m->knock[0] = m->knock[1];
    m->knock[1] = rate;
    m->rate = rate;
}

static void reply_status(struct ps2_mouse *m) {
    unsigned b = m->now.buttons;
    reply(m, (uint8_t)((b & 1) << 2 | (b >> 2 & 1) << 1 | (b >> 1 & 1) | m->scale21 << 4 | m->reporting << 5 |
                       m->remote << 6));
    reply(m, m->resolution);
    reply(m, m->rate);
}

static void command(struct ps2_mouse *m, uint8_t v) {
    uint8_t last = m->last;
    ps2_clear(&m->replies);
    ps2_clear(&m->packets);
    if (v != RESEND) reply(m, PS2_ACK);
    switch (v) {
    case SCALE_11:
    case SCALE_21: m->scale21 = v == SCALE_21; break;
    case RESOLUTION:
    case RATE: m->command = v; break;
    case STATUS: reply_status(m); break;
    case STREAM:
    case REMOTE: m->remote = v == REMOTE; break;
    case READ_DATA: make_packet(m, &m->replies); break;
    case WRAP_OFF: break;
    case WRAP: m->wrap = 1; break;
    case IDENTIFY: reply(m, m->id); break;
    case ENABLE:
    case DISABLE: m->reporting = v == ENABLE; break;
    case DEFAULTS: set_defaults(m); break;
    case RESEND: reply(m, last); break;
    case RESET:
        ps2_mouse_reset(m);
        reply(m, PS2_ACK), reply(m, PS2_BAT_OK), reply(m, 0);
        break;
    default:
        ps2_clear(&m->replies);
        reply(m, PS2_RESEND);
        break;
    }
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte) {
    uint8_t waiting = m->command;
    m->command = 0;
    if (m->wrap && byte != WRAP_OFF && byte != RESET) {
        reply(m, byte);
    } else if (waiting) {
        ps2_clear(&m->replies);
        reply(m, PS2_ACK);
        if (waiting == RATE)
            set_rate(m, byte);
        else
            m->resolution = byte & 3;
    } else {
        m->wrap = 0;
        command(m, byte);
    }
}

static void fix_motion(struct ps2_motion *w) {
    w->dx = add_clamped(w->dx, 0);
    w->dy = add_clamped(w->dy, 0);
    w->dz = add_clamped(w->dz, 0);
    w->buttons &= 31;
}

void ps2_mouse_fix(struct ps2_mouse *m) {
    if (m->replies.count > PS2_QUEUE_SIZE) m->replies.count = 0;
    if (m->packets.count > PS2_QUEUE_SIZE) m->packets.count = 0;
    if (m->n_past > PS2_MOUSE_PAST) m->n_past = 0;
    for (unsigned i = 0; i < m->n_past; i++) fix_motion(&m->past[i]);
    fix_motion(&m->now);
}
