/*
 * i8042.c: the controller between port 60h/64h and the two serial devices.
 *
 * One output buffer (OBF). It is filled from the controller's own replies at
 * once, from a device not sooner than DEVICE_BYTE_NS after the last device byte
 * was read: chained interrupt handlers may read the same byte twice, as the
 * serial line's speed lets them. IRQ 1 and 12 are levels: buffer full, and whose.
 */
#include "devemu/i8042.h"
#include "devemu/ps2.h"

enum { ST_OBF = 0x01, ST_SYS = 0x04, ST_COMMAND = 0x08, ST_UNLOCKED = 0x10, ST_AUX = 0x20 };
/* Command byte */
enum { CB_KBD_IRQ = 0x01, CB_AUX_IRQ = 0x02, CB_SYS = 0x04, CB_KBD_OFF = 0x10, CB_AUX_OFF = 0x20, CB_XLATE = 0x40 };
/* Output port */
enum { OP_NO_RESET = 0x01, OP_A20 = 0x02, OP_KBD_IRQ = 0x10, OP_AUX_IRQ = 0x20, OP_LATCHED = 0xCF };

enum command {
    READ_RAM = 0x20,
    WRITE_RAM = 0x60,
    PASSWORD_TEST = 0xA4,
    AUX_DISABLE = 0xA7,
    AUX_ENABLE = 0xA8,
    AUX_TEST = 0xA9,
    SELF_TEST = 0xAA,
    KBD_TEST = 0xAB,
    KBD_DISABLE = 0xAD,
    KBD_ENABLE = 0xAE,
    READ_INPUT = 0xC0,
    READ_OUTPUT = 0xD0,
    WRITE_OUTPUT = 0xD1,
    FAKE_KBD = 0xD2,
    FAKE_AUX = 0xD3,
    TO_AUX = 0xD4,
    A20_OFF = 0xDD,
    A20_ON = 0xDF,
    READ_TEST = 0xE0,
    PULSE = 0xF0,
};

enum { DEVICE_BYTE_NS = 250000 };
enum source { FROM_CONTROLLER, FROM_KEYBOARD, FROM_AUX };
enum { REPLY_AUX = 0x100 }; /* the reply shows as the mouse's */

struct i8042 {
    struct dev dev;
    struct i8042_config cfg;
    struct dev_timer timer;
    uint64_t hold_until_ns;         /* no device byte before */
    uint8_t ram[32];                /* ram[0]: command byte */
    uint8_t out, full, aux, source; /* output buffer; the last byte stays readable */
    uint16_t reply;                 /* of the controller; the buffer was full when it came */
    uint8_t reply_waiting;
    uint8_t last_was_command;
    uint8_t param_of;    /* command that waits for a byte at 60h; 0: none */
    uint8_t output_port; /* latched bits */
    uint8_t break_seen;  /* translation: F0 came, the code not yet */
    struct ps2_keyboard kbd;
    struct ps2_mouse mouse;
};

static uint64_t now_ns(const struct i8042 *s) { return s->dev.host->now_ns(s->dev.host->opaque); }
static uint8_t *command_byte(struct i8042 *s) { return &s->ram[0]; }

/* ---- Output buffer ---- */

static void update_irq(struct i8042 *s) {
    uint8_t cb = *command_byte(s);
    dev_line_set(&s->cfg.irq1, s->full && !s->aux && (cb & CB_KBD_IRQ));
    dev_line_set(&s->cfg.irq12, s->full && s->aux && (cb & CB_AUX_IRQ));
}

static void fill(struct i8042 *s, uint8_t byte, enum source from, bool aux) {
    s->out = byte;
    s->full = 1;
    s->aux = aux;
    s->source = (uint8_t)from;
    update_irq(s);
}

/* The next keyboard byte as the CPU sees it; false if the translation swallowed all there was. */
static bool keyboard_byte(struct i8042 *s, uint8_t *byte) {
    while (ps2_keyboard_has(&s->kbd)) {
        uint8_t code = ps2_keyboard_take(&s->kbd);
        *byte = code;
        if (!(*command_byte(s) & CB_XLATE)) return true;
        if (code != 0xF0) {
            *byte = (uint8_t)(ps2_set2_to_set1(code) | (s->break_seen ? 0x80 : 0));
            s->break_seen = 0;
            return true;
        }
        s->break_seen = 1;
    }
    return false;
}

static bool device_has_byte(struct i8042 *s) {
    uint8_t cb = *command_byte(s);
    return (!(cb & CB_KBD_OFF) && ps2_keyboard_has(&s->kbd)) || (!(cb & CB_AUX_OFF) && ps2_mouse_has(&s->mouse));
}

static void refill_from_device(struct i8042 *s) {
    uint8_t cb = *command_byte(s), byte;
    if (!(cb & CB_KBD_OFF) && keyboard_byte(s, &byte))
        fill(s, byte, FROM_KEYBOARD, false);
    else if (!(cb & CB_AUX_OFF) && ps2_mouse_has(&s->mouse))
        fill(s, ps2_mouse_take(&s->mouse), FROM_AUX, true);
}

static void refill(struct i8042 *s) {
    struct dev_host *h = s->dev.host;
    if (s->full) return;
    if (s->reply_waiting) {
        s->reply_waiting = 0;
        fill(s, (uint8_t)s->reply, FROM_CONTROLLER, s->reply & REPLY_AUX);
    } else if (device_has_byte(s)) {
        if (now_ns(s) >= s->hold_until_ns)
            refill_from_device(s);
        else
            h->timer_arm(h->opaque, &s->timer, s->hold_until_ns);
    }
}

static void timer_fired(void *opaque, uint64_t now) {
    (void)now;
    refill(opaque);
}

/* A reply replaces an unread reply; a device's byte in the buffer is read first. */
static void reply(struct i8042 *s, uint16_t value) {
    if (s->full && s->source == FROM_CONTROLLER) {
        s->full = 0;
        update_irq(s);
    }
    s->reply = value;
    s->reply_waiting = 1;
    refill(s);
}

static uint8_t read_data(struct i8042 *s) {
    refill(s);
    uint8_t v = s->out;
    if (s->full) {
        s->full = 0;
        if (s->source != FROM_CONTROLLER) s->hold_until_ns = now_ns(s) + DEVICE_BYTE_NS;
        update_irq(s);
        refill(s);
    }
    return v;
}

static uint8_t read_status(struct i8042 *s) {
    refill(s);
    return (uint8_t)((s->full ? ST_OBF | (s->aux ? ST_AUX : 0) : 0) | (*command_byte(s) & CB_SYS ? ST_SYS : 0) |
                     (s->last_was_command ? ST_COMMAND : 0) | ST_UNLOCKED);
}

/* ---- Output port ---- */

static uint8_t read_output_port(const struct i8042 *s) {
    return (uint8_t)(s->output_port | (s->full && !s->aux ? OP_KBD_IRQ : 0) | (s->full && s->aux ? OP_AUX_IRQ : 0));
}

static void write_output_port(struct i8042 *s, uint8_t v) {
    struct dev_host *h = s->dev.host;
    s->output_port = v & OP_LATCHED;
    a20_set(s->cfg.a20, h, A20_I8042, v & OP_A20);
    if (!(v & OP_NO_RESET)) h->request(h->opaque, DEV_REQ_RESET, 0);
}

/* ---- Commands (port 64h) ---- */

static void set_command_bits(struct i8042 *s, uint8_t set, uint8_t clear) {
    *command_byte(s) = (uint8_t)((*command_byte(s) & ~clear) | set);
    update_irq(s);
    refill(s);
}

static void write_command(struct i8042 *s, uint8_t v) {
    s->last_was_command = 1;
    s->param_of = 0;
    switch (v) {
    case READ_RAM ... READ_RAM + 31: reply(s, s->ram[v & 31]); break;
    case WRITE_RAM ... WRITE_RAM + 31:
    case WRITE_OUTPUT:
    case FAKE_KBD:
    case FAKE_AUX:
    case TO_AUX: s->param_of = v; break;
    case PASSWORD_TEST: reply(s, 0xF1); break; /* none installed */
    case AUX_DISABLE: set_command_bits(s, CB_AUX_OFF, 0); break;
    case AUX_ENABLE: set_command_bits(s, 0, CB_AUX_OFF); break;
    case AUX_TEST: reply(s, 0); break;
    case SELF_TEST:
        set_command_bits(s, CB_SYS, 0);
        reply(s, 0x55);
        break;
    case KBD_TEST: reply(s, 0); break;
    case KBD_DISABLE: set_command_bits(s, CB_KBD_OFF, 0); break;
    case KBD_ENABLE: set_command_bits(s, 0, CB_KBD_OFF); break;
    case READ_INPUT: reply(s, 0x80); break; /* keyboard not locked */
    case READ_OUTPUT: reply(s, read_output_port(s)); break;
    case A20_OFF: write_output_port(s, (uint8_t)(s->output_port & ~OP_A20)); break;
    case A20_ON: write_output_port(s, s->output_port | OP_A20); break;
    case READ_TEST: reply(s, 0); break;
    case PULSE ... 0xFF: /* a 0 in bits 0..3 pulses that output line low; line 0 is the CPU's reset */
        if (!(v & OP_NO_RESET)) s->dev.host->request(s->dev.host->opaque, DEV_REQ_RESET, 0);
        break;
    default: break; /* unknown commands are ignored */
    }
}

/* ---- Data (port 60h) ---- */

static void write_data(struct i8042 *s, uint8_t v) {
    uint8_t command = s->param_of;
    s->last_was_command = 0;
    s->param_of = 0;
    switch (command) {
    case WRITE_RAM:
        s->ram[0] = v;
        update_irq(s);
        break;
    case WRITE_RAM + 1 ... WRITE_RAM + 31: s->ram[command & 31] = v; break;
    case WRITE_OUTPUT: write_output_port(s, v); break;
    case FAKE_KBD: reply(s, v); break;
    case FAKE_AUX: reply(s, v | REPLY_AUX); break;
    case TO_AUX: /* sending switches the line on */
        *command_byte(s) &= (uint8_t)~CB_AUX_OFF;
        ps2_mouse_write(&s->mouse, v);
        break;
    default:
        *command_byte(s) &= (uint8_t)~CB_KBD_OFF;
        s->break_seen = 0;
        ps2_keyboard_write(&s->kbd, v);
        break;
    }
    refill(s);
}

static uint32_t kbc_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return port & 4 ? read_status(opaque) : read_data(opaque);
}

static void kbc_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    if (port & 4)
        write_command(opaque, (uint8_t)value);
    else
        write_data(opaque, (uint8_t)value);
}

static const struct dev_io_ops kbc_ops = {.name = "i8042", .read = kbc_read, .write = kbc_write, .byte_only = true};

/* ---- User's side ---- */

bool i8042_key(struct dev *d, const uint8_t *set2_codes, size_t n) {
    struct i8042 *s = (struct i8042 *)d;
    bool taken = ps2_keyboard_keys(&s->kbd, set2_codes, n);
    refill(s);
    return taken;
}

void i8042_mouse(struct dev *d, int dx, int dy, int dz, unsigned buttons) {
    struct i8042 *s = (struct i8042 *)d;
    ps2_mouse_move(&s->mouse, dx, dy == INT32_MIN ? INT32_MAX : -dy, dz, buttons);
    refill(s);
}

bool i8042_mouse_enabled(struct dev *d) { return ((struct i8042 *)d)->mouse.reporting; }
uint8_t i8042_leds(struct dev *d) { return ((struct i8042 *)d)->kbd.leds; }

/* ---- Class ---- */

static void i8042_reset(struct dev *d) {
    struct i8042 *s = (struct i8042 *)d;
    d->host->timer_cancel(d->host->opaque, &s->timer);
    for (int i = 0; i < 32; i++) s->ram[i] = 0;
    *command_byte(s) = CB_KBD_IRQ | CB_AUX_IRQ;
    s->out = s->full = s->aux = s->source = 0;
    s->reply = 0;
    s->reply_waiting = s->last_was_command = s->param_of = s->break_seen = 0;
    s->hold_until_ns = 0;
    ps2_keyboard_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
    /* The controller's port pins are high after reset, so A20 is open. */
    s->output_port = OP_LATCHED;
    a20_set(s->cfg.a20, d->host, A20_I8042, true);
    update_irq(s);
}

static enum dev_status i8042_init(struct dev *d, const void *cfg) {
    struct i8042 *s = (struct i8042 *)d;
    if (cfg) s->cfg = *(const struct i8042_config *)cfg;
    s->timer.fn = timer_fired;
    s->timer.opaque = s;
    enum dev_status st = dev_io_map(d->host->io, 0x60, 1, &kbc_ops, s);
    if (st == DEV_OK) st = dev_io_map(d->host->io, 0x64, 1, &kbc_ops, s);
    if (st == DEV_OK) i8042_reset(d);
    return st;
}

static void i8042_destroy(struct dev *d) {
    struct i8042 *s = (struct i8042 *)d;
    d->host->timer_cancel(d->host->opaque, &s->timer);
}

static void i8042_state(struct dev *d, struct dev_state *st) {
    struct i8042 *s = (struct i8042 *)d;
    uint8_t *bytes[] = {&s->out,      &s->full,          &s->aux,
                        &s->source,   &s->reply_waiting, &s->last_was_command,
                        &s->param_of, &s->output_port,   &s->break_seen};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) dev_state_bytes(st, bytes[i], 1);
    DEV_STATE(st, s->hold_until_ns);
    DEV_STATE(st, s->ram);
    DEV_STATE(st, s->reply);
    DEV_STATE(st, s->kbd);
    DEV_STATE(st, s->mouse);
    if (st->saving) return;
    ps2_keyboard_fix(&s->kbd);
    ps2_mouse_fix(&s->mouse);
    a20_set(s->cfg.a20, d->host, A20_I8042, s->output_port & OP_A20);
    update_irq(s);
    refill(s);
}

const struct dev_class i8042_class = {
    .name = "i8042",
    .instance_size = sizeof(struct i8042),
    .init = i8042_init,
    .reset = i8042_reset,
    .state = i8042_state,
    .destroy = i8042_destroy,
};
