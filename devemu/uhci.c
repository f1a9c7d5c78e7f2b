/*
 * uhci.c: registers, ports and time.
 *
 * While the controller runs, a timer comes once a frame (1 ms); when nothing has moved for a while, once in IDLE_BATCH
 * frames, whose schedules then run one after the other: the guest sees a new transfer start a little later, and the
 * host is woken less. FRNUM is always that of the guest's time.
 */
#include "devemu/uhci_internal.h"

enum {
    REG_CMD = 0x00,
    REG_STS = 0x02,
    REG_INTR = 0x04,
    REG_FRNUM = 0x06,
    REG_LIST_LOW = 0x08,
    REG_LIST_HIGH = 0x0A,
    REG_SOF = 0x0C,
    REG_PORT = 0x10,
    PORTS_END = REG_PORT + 2 * UHCI_PORTS,
    REGISTERS = 0x20,
};
enum { BAR = 4, CFG_RELEASE = 0x60, CFG_LEGSUP = 0xC0, LEGSUP_PIRQ_HIGH = 0x20 };
enum { QUIET_FRAMES = 32, IDLE_BATCH = 4, CATCH_UP = 16 };

static struct uhci *to_uhci(struct dev *d) { return (struct uhci *)d; }

/* ---- Interrupt ---- */

static void update_irq(struct uhci *s) {
    bool transfer =
        (s->sts & STS_INT) && ((s->completed && (s->intr & INTR_COMPLETE)) || (s->was_short && (s->intr & INTR_SHORT)));
    bool error = (s->sts & STS_ERROR) && (s->intr & INTR_ERROR);
    bool resume = (s->sts & STS_RESUME) && (s->intr & INTR_RESUME);
    bool fatal = s->sts & (STS_HOST_ERROR | STS_PROCESS_ERROR);
    bool routed = s->pci.config[CFG_LEGSUP + 1] & LEGSUP_PIRQ_HIGH;
    pci_set_intx(&s->pci, routed && (transfer || error || resume || fatal));
}

/* ---- Time ---- */

static uint64_t now(const struct uhci *s) { return s->pci.dev.host->now_ns(s->pci.dev.host->opaque); }

static void arm(struct uhci *s) {
    unsigned frames = s->quiet >= QUIET_FRAMES ? IDLE_BATCH : 1;
    s->pci.dev.host->timer_arm(s->pci.dev.host->opaque, &s->timer, s->frame_ns + (uint64_t)frames * FRAME_NS);
}

static void halt(struct uhci *s) {
    s->cmd &= (uint16_t)~CMD_RUN;
    s->sts |= STS_HALTED;
    s->pci.dev.host->timer_cancel(s->pci.dev.host->opaque, &s->timer);
}

void uhci_fail(struct uhci *s, uint16_t why) {
    s->sts |= why;
    halt(s);
}

/* The frames that have ended run; of many, only the last ones: the guest was not there to see the others. */
static void run_frames(struct uhci *s, uint64_t t) {
    uint64_t ended = t < s->frame_ns ? 0 : (t - s->frame_ns) / FRAME_NS;
    uint64_t skipped = ended > CATCH_UP ? ended - CATCH_UP : 0;
    s->frame = (uint16_t)((s->frame + skipped) % FRAME_NUMBERS);
    s->frame_ns += ended * FRAME_NS;
    for (uint64_t i = skipped; i < ended && (s->cmd & CMD_RUN); i++) {
        s->quiet += s->quiet < QUIET_FRAMES;
        if (pci_may_master(&s->pci)) uhci_run_frame(s);
        s->frame = (uint16_t)((s->frame + 1) % FRAME_NUMBERS);
    }
}

static void frame_over(void *opaque, uint64_t t) {
    struct uhci *s = opaque;
    run_frames(s, t);
    if (s->cmd & CMD_RUN) arm(s);
    update_irq(s);
}

static uint16_t frame_number(const struct uhci *s) {
    uint64_t t = now(s), passed = s->cmd & CMD_RUN && t > s->frame_ns ? (t - s->frame_ns) / FRAME_NS : 0;
    return (uint16_t)((s->frame + passed) % FRAME_NUMBERS);
}

/* ---- Ports ---- */

static uint16_t port_after_reset(const struct uhci *s, int n) {
    return (uint16_t)(PORT_ALWAYS | (s->device[n] ? PORT_CONNECTED | PORT_CONNECT_CHANGE : 0));
}

static uint16_t read_port(const struct uhci *s, int n) {
    bool line = s->device[n] && !(s->port[n] & (PORT_RESET | PORT_RESUME));
    return (uint16_t)(s->port[n] | (line ? PORT_LINE_J : 0));
}

static void write_port(struct uhci *s, int n, uint16_t v) {
    enum { PLAIN = PORT_RESUME | PORT_RESET | PORT_SUSPEND, CHANGES = PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE };
    uint16_t *p = &s->port[n];
    if ((v & PORT_RESET) && !(*p & PORT_RESET) && s->device[n]) usb_device_reset(s->device[n]);
    uint16_t next = (uint16_t)((*p & ~(PLAIN | PORT_ENABLED)) | (v & PLAIN));
    next &= (uint16_t) ~(v & CHANGES);
    if ((v & PORT_ENABLED) && (next & PORT_CONNECTED) && !(v & PORT_RESET)) next |= PORT_ENABLED;
    *p = next;
}

/* A device wants to be resumed: its port was suspended, or the whole bus. */
static void wakeup(void *opaque, int n) {
    struct uhci *s = opaque;
    bool port = s->port[n] & PORT_SUSPEND, bus = (s->cmd & CMD_EGSM) && !(s->cmd & CMD_FGR);
    if (!(s->port[n] & PORT_ENABLED) || (!port && !bus)) return;
    s->port[n] |= PORT_RESUME;
    if (bus) s->cmd |= CMD_FGR;
    s->sts |= STS_RESUME;
    update_irq(s);
}

/* ---- Commands ---- */

static void reset_registers(struct uhci *s) {
    halt(s);
    s->cmd = 0;
    s->sts = STS_HALTED;
    s->intr = 0;
    s->frame = 0;
    s->list = 0;
    s->sof = 0x40;
    s->completed = s->was_short = false;
    s->quiet = 0;
    for (int n = 0; n < UHCI_PORTS; n++) s->port[n] = port_after_reset(s, n);
}

static void reset_devices(struct uhci *s) {
    for (int n = 0; n < UHCI_PORTS; n++)
        if (s->device[n]) usb_device_reset(s->device[n]);
}

static void run(struct uhci *s) {
    s->cmd |= CMD_RUN;
    s->sts &= (uint16_t)~STS_HALTED;
    s->frame_ns = now(s);
    s->quiet = 0;
    arm(s);
}

static void write_cmd(struct uhci *s, uint16_t v) {
    bool ran = s->cmd & CMD_RUN;
    if (v & CMD_HCRESET) {
        reset_registers(s);
        return;
    }
    if ((s->cmd & CMD_GRESET) && !(v & CMD_GRESET)) {
        reset_registers(s);
        reset_devices(s);
        return;
    }
    s->cmd = (uint16_t)((v & CMD_BITS & ~CMD_RUN) | (s->cmd & CMD_RUN));
    if ((v & CMD_RUN) && !ran) run(s);
    if (!(v & CMD_RUN) && ran) {
        run_frames(s, now(s));
        halt(s);
    }
}

static void write_sts(struct uhci *s, uint16_t v) {
    s->sts &= (uint16_t) ~(v & STS_CLEARABLE);
    if (v & STS_INT) s->completed = s->was_short = false;
}

/* ---- Registers: words; other sizes are put together from them ---- */

static uint16_t read_word(struct uhci *s, unsigned reg) {
    switch (reg) {
    case REG_CMD: return s->cmd;
    case REG_STS: return s->sts;
    case REG_INTR: return s->intr;
    case REG_FRNUM: return frame_number(s);
    case REG_LIST_LOW: return (uint16_t)s->list;
    case REG_LIST_HIGH: return (uint16_t)(s->list >> 16);
    case REG_SOF: return s->sof;
    }
    return reg >= REG_PORT && reg < PORTS_END ? read_port(s, (int)(reg - REG_PORT) / 2) : 0;
}

static void write_word(struct uhci *s, unsigned reg, uint16_t v) {
    switch (reg) {
    case REG_CMD: write_cmd(s, v); break;
    case REG_STS: write_sts(s, v); break;
    case REG_INTR: s->intr = v & 0xF; break;
    case REG_FRNUM:
        if (s->sts & STS_HALTED) s->frame = v % FRAME_NUMBERS;
        break;
    case REG_LIST_LOW: s->list = (s->list & 0xFFFF0000u) | (v & 0xF000u); break;
    case REG_LIST_HIGH: s->list = (s->list & 0xFFFFu) | (uint32_t)v << 16; break;
    case REG_SOF: s->sof = v & 0x7F; break;
    default:
        if (reg >= REG_PORT && reg < PORTS_END) write_port(s, (int)(reg - REG_PORT) / 2, v);
    }
    update_irq(s);
}

static unsigned offset_of(const struct uhci *s, uint16_t port) {
    return (port - pci_bar_base(&s->pci, BAR)) & (REGISTERS - 1);
}

static uint32_t reg_read(void *opaque, uint16_t port, unsigned size) {
    struct uhci *s = opaque;
    unsigned reg = offset_of(s, port), word = reg & ~1u;
    uint32_t v = read_word(s, word);
    if (size == 4) v |= (uint32_t)read_word(s, word + 2) << 16;
    v >>= 8 * (reg & 1);
    return size == 1 ? v & 0xFF : v;
}

/* Registers whose written ones act take 0 for the byte that is not written; the others keep it. */
static uint16_t widen(struct uhci *s, unsigned reg, uint8_t v) {
    unsigned shift = 8 * (reg & 1), word = reg & ~1u;
    unsigned other = word == REG_STS ? 0 : read_word(s, word) & ~(0xFFu << shift);
    if (word >= REG_PORT) other &= ~(unsigned)(PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE);
    return (uint16_t)(other | (unsigned)v << shift);
}

static void reg_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct uhci *s = opaque;
    unsigned reg = offset_of(s, port);
    write_word(s, reg & ~1u, size == 1 ? widen(s, reg, (uint8_t)value) : (uint16_t)value);
    if (size == 4) write_word(s, (reg & ~1u) + 2, (uint16_t)(value >> 16));
}

static const struct dev_io_ops reg_ops = {.name = "uhci", .read = reg_read, .write = reg_write};

/* ---- Life ---- */

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    (void)offset, (void)size;
    update_irq((struct uhci *)pd);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    static const struct pci_id id = {.vendor = 0x8086,
                                     .device = 0x7020,
                                     .subsys_vendor = 0x1AF4,
                                     .subsys = 0x1100,
                                     .class_code = 0x0C0300,
                                     .revision = 1,
                                     .int_pin = 4};
    struct uhci *s = to_uhci(d);
    const struct uhci_config *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    enum dev_status st = pci_dev_init(&s->pci, c->bus, PCI_DEVFN(1, 2), &id);
    if (st == DEV_OK) st = pci_bar_io(&s->pci, BAR, REGISTERS, &reg_ops, s);
    if (st != DEV_OK) return st;
    pci_set16(&s->pci, PCI_STATUS, 0x0280);
    pci_set8(&s->pci, CFG_RELEASE, 0x10);
    pci_set16(&s->pci, CFG_LEGSUP, LEGSUP_PIRQ_HIGH << 8);
    pci_wmask(&s->pci, CFG_LEGSUP, 2, 0x20BF);
    s->pci.w1c[CFG_LEGSUP + 1] = 0x8F;
    s->pci.config_written = config_written;
    pci_dev_ready(&s->pci);
    s->timer = (struct dev_timer){.fn = frame_over, .opaque = s};
    for (int n = 0; n < UHCI_PORTS; n++) {
        s->device[n] = c->device[n];
        if (!s->device[n]) continue;
        s->device[n]->wakeup = wakeup;
        s->device[n]->hub = s;
        s->device[n]->port = n;
    }
    return DEV_OK;
}

static void reset(struct dev *d) {
    struct uhci *s = to_uhci(d);
    pci_dev_reset(&s->pci);
    reset_registers(s);
    reset_devices(s);
}

static void fix_loaded(struct uhci *s) {
    s->frame %= FRAME_NUMBERS;
    s->list &= 0xFFFFF000u;
    for (int n = 0; n < UHCI_PORTS; n++)
        s->port[n] = (uint16_t)((s->port[n] & ~PORT_CONNECTED) | PORT_ALWAYS | (s->device[n] ? PORT_CONNECTED : 0));
    uint64_t t = now(s);
    if (s->frame_ns > t) s->frame_ns = t;
    if (s->cmd & CMD_RUN)
        arm(s);
    else
        halt(s);
}

static void state(struct dev *d, struct dev_state *st) {
    struct uhci *s = to_uhci(d);
    pci_dev_state(&s->pci, st);
    DEV_STATE(st, s->cmd);
    DEV_STATE(st, s->sts);
    DEV_STATE(st, s->intr);
    DEV_STATE(st, s->frame);
    DEV_STATE(st, s->port);
    DEV_STATE(st, s->list);
    DEV_STATE(st, s->sof);
    dev_state_bool(st, &s->completed);
    dev_state_bool(st, &s->was_short);
    DEV_STATE(st, s->frame_ns);
    DEV_STATE(st, s->quiet);
    if (!st->saving) fix_loaded(s);
}

static void destroy(struct dev *d) {
    struct uhci *s = to_uhci(d);
    if (!s->pci.bus) return;
    d->host->timer_cancel(d->host->opaque, &s->timer);
    pci_dev_fini(&s->pci);
}

const struct dev_class uhci_class = {.name = "piix3-uhci",
                                     .instance_size = sizeof(struct uhci),
                                     .init = init,
                                     .reset = reset,
                                     .state = state,
                                     .destroy = destroy};
