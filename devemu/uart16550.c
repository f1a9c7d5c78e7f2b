/*
 * uart16550.c: one 16550A.
 *
 * The transmitter is always empty again when a write returns, but the THRE
 * interrupt keeps its meaning: pending after a write or when enabled, gone when
 * IIR names it. Received bytes wait in `rx` (16 bytes, or 1 without FIFO); the
 * backend is never asked to hand over more than fits. Error bits travel with
 * their byte and show in LSR when it is at the top.
 */
#include "devemu/uart16550.h"
#include "devemu/clock.h"

enum { FIFO_SIZE = 16, CLOCK_HZ = 1843200 };
enum reg { RBR_THR = 0, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, REGS };
enum { IER_RDA = 1, IER_THRE = 2, IER_RLS = 4, IER_MS = 8 };
enum { IIR_NONE = 1, IIR_MS = 0, IIR_THRE = 2, IIR_RDA = 4, IIR_RLS = 6, IIR_TIMEOUT = 0xC, IIR_FIFOS = 0xC0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_DMA = 8 };
enum { LCR_STOP = 4, LCR_PARITY = 8, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10, MCR_BITS = 0x1F };
enum { LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 0x10 };
enum { LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO = 0x80 };
enum { MSR_DELTAS = 0x0F, MSR_TERI = 4, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };

struct uart {
    struct dev dev;
    struct uart16550_config cfg;
    struct dev_timer timeout;
    uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
    uint8_t lsr_errors;      /* OE, PE, FE, BI as LSR shows them */
    uint8_t thre_pending;    /* the transmitter-empty interrupt is due */
    uint8_t timeout_pending; /* four character times without traffic */
    uint8_t rx[FIFO_SIZE], rx_errors[FIFO_SIZE];
    uint8_t head, count;
};

static bool fifos(const struct uart *s) { return s->fcr & FCR_ENABLE; }
static unsigned capacity(const struct uart *s) { return fifos(s) ? FIFO_SIZE : 1; }

static unsigned trigger_level(const struct uart *s) {
    static const uint8_t level[4] = {1, 4, 8, 14};
    return fifos(s) ? level[s->fcr >> 6] : 1;
}

/* ---- Interrupts ---- */

static uint8_t pending_irq(const struct uart *s) {
    if ((s->ier & IER_RLS) && s->lsr_errors) return IIR_RLS;
    if ((s->ier & IER_RDA) && s->count >= trigger_level(s)) return IIR_RDA;
    if ((s->ier & IER_RDA) && s->timeout_pending) return IIR_TIMEOUT;
    if ((s->ier & IER_THRE) && s->thre_pending) return IIR_THRE;
    if ((s->ier & IER_MS) && (s->msr & MSR_DELTAS)) return IIR_MS;
    return IIR_NONE;
}

/* On the PC, OUT2 drives the buffer of the interrupt line; loopback forces OUT2 off. */
static void update_irq(struct uart *s) {
    bool gate = (s->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    dev_line_set(&s->cfg.irq, gate && pending_irq(s) != IIR_NONE);
}

/* Four characters of start, data, parity and stop bits, 16 clocks each. */
static uint64_t timeout_ns(const struct uart *s) {
    uint64_t bits = 1u + 5 + (s->lcr & 3) + !!(s->lcr & LCR_PARITY) + 1 + !!(s->lcr & LCR_STOP);
    uint64_t divisor = s->dll | s->dlm << 8;
    return dev_ticks_to_ns(4 * bits * 16 * (divisor ? divisor : 1), CLOCK_HZ);
}

/* Traffic in the receiver: the timeout starts again. */
static void restart_timeout(struct uart *s) {
    struct dev_host *h = s->dev.host;
    s->timeout_pending = 0;
    if (fifos(s) && s->count)
        h->timer_arm(h->opaque, &s->timeout, h->now_ns(h->opaque) + timeout_ns(s));
    else
        h->timer_cancel(h->opaque, &s->timeout);
}

static void timeout_fired(void *opaque, uint64_t now) {
    struct uart *s = opaque;
    (void)now;
    s->timeout_pending = fifos(s) && s->count;
    update_irq(s);
}

/* ---- Receiver ---- */

static void push(struct uart *s, uint8_t byte, uint8_t errors) {
    if (s->count == capacity(s)) {
        s->lsr_errors |= LSR_OE;
        if (fifos(s)) /* the byte in the shift register is lost; without FIFO it overwrites RBR */
            return;
        s->count = 0;
    }
    unsigned at = (s->head + s->count) % FIFO_SIZE;
    s->rx[at] = byte;
    s->rx_errors[at] = errors;
    if (!s->count++) s->lsr_errors |= errors;
}

static void received(struct uart *s, uint8_t byte, uint8_t errors) {
    push(s, byte, errors);
    restart_timeout(s);
    update_irq(s);
}

static void tell_room(struct uart *s) {
    struct dev_chr *chr = s->cfg.chr;
    if (chr && chr->room_grew && !(s->mcr & MCR_LOOP)) chr->room_grew(chr->opaque);
}

static uint8_t pop(struct uart *s) {
    uint8_t byte = s->rx[s->head];
    if (!s->count) return byte; /* RBR keeps its last byte */
    bool was_full = s->count == capacity(s);
    if (s->count > 1 || fifos(s)) s->head = (uint8_t)((s->head + 1) % FIFO_SIZE);
    if (--s->count) s->lsr_errors |= s->rx_errors[s->head];
    restart_timeout(s);
    update_irq(s);
    if (was_full) tell_room(s);
    return byte;
}

static void clear_rx(struct uart *s) {
    bool was_full = s->count == capacity(s);
    s->count = s->head = 0;
    s->lsr_errors = 0;
    restart_timeout(s);
    if (was_full) tell_room(s);
}

static bool error_in_fifo(const struct uart *s) {
    for (unsigned i = 0; fifos(s) && i < s->count; i++)
        if (s->rx_errors[(s->head + i) % FIFO_SIZE]) return true;
    return false;
}

static uint8_t read_lsr(struct uart *s) {
    uint8_t v =
        (uint8_t)(LSR_THRE | LSR_TEMT | (s->count ? LSR_DR : 0) | s->lsr_errors | (error_in_fifo(s) ? LSR_FIFO : 0));
    if (s->lsr_errors) {
        s->lsr_errors = 0;
        if (s->count) s->rx_errors[s->head] = 0;
        update_irq(s);
    }
    return v;
}

/* ---- Modem lines ---- */

static uint8_t modem_inputs(const struct uart *s) {
    if (s->mcr & MCR_LOOP)
        return (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                         (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
    return s->cfg.chr ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
}

static void update_modem(struct uart *s) {
    uint8_t in = modem_inputs(s), changed = (uint8_t)((in ^ s->msr) >> 4);
    if (in & MSR_RI) changed &= (uint8_t)~MSR_TERI; /* only the trailing edge of RI counts */
    s->msr = (uint8_t)(in | (s->msr & MSR_DELTAS) | changed);
}

static uint8_t read_msr(struct uart *s) {
    uint8_t v = s->msr;
    s->msr &= (uint8_t)~MSR_DELTAS;
    update_irq(s);
    return v;
}

/* ---- Writes ---- */

static void transmit(struct uart *s, uint8_t byte) {
    s->thre_pending = 0;
    update_irq(s);
    if (s->mcr & MCR_LOOP)
        received(s, byte, 0);
    else if (s->cfg.chr && s->cfg.chr->write)
        s->cfg.chr->write(s->cfg.chr->opaque, &byte, 1);
    s->thre_pending = 1;
    update_irq(s);
}

static void write_ier(struct uart *s, uint8_t v) {
    if ((v & IER_THRE) && !(s->ier & IER_THRE)) s->thre_pending = 1;
    s->ier = v & 0x0F;
    update_irq(s);
}

static void write_fcr(struct uart *s, uint8_t v) {
    bool toggled = (v ^ s->fcr) & FCR_ENABLE;
    if (toggled || (v & FCR_CLEAR_RX)) clear_rx(s);
    if (toggled || (v & FCR_CLEAR_TX)) s->thre_pending = 1;
    /* The other bits are programmed only together with bit 0. */
    s->fcr = v & FCR_ENABLE ? v & (uint8_t) ~(FCR_CLEAR_RX | FCR_CLEAR_TX) : 0;
    update_irq(s);
}

static void write_lcr(struct uart *s, uint8_t v) {
    bool breaks = (v & LCR_BREAK) && !(s->lcr & LCR_BREAK);
    s->lcr = v;
    if (breaks && (s->mcr & MCR_LOOP)) received(s, 0, LSR_BI | LSR_FE);
}

static void write_mcr(struct uart *s, uint8_t v) {
    bool left_loop = (s->mcr & MCR_LOOP) && !(v & MCR_LOOP);
    s->mcr = v & MCR_BITS;
    update_modem(s);
    update_irq(s);
    if (left_loop && s->count < capacity(s)) tell_room(s);
}

static void uart_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct uart *s = opaque;
    uint8_t v = (uint8_t)value;
    bool dlab = s->lcr & LCR_DLAB;
    (void)size;
    switch ((enum reg)((port - s->cfg.base) & 7)) {
    case RBR_THR:
        if (dlab)
            s->dll = v;
        else
            transmit(s, v);
        break;
    case IER:
        if (dlab)
            s->dlm = v;
        else
            write_ier(s, v);
        break;
    case IIR_FCR: write_fcr(s, v); break;
    case LCR: write_lcr(s, v); break;
    case MCR: write_mcr(s, v); break;
    case SCR: s->scr = v; break;
    default: break; /* LSR and MSR are not for writing */
    }
}

static uint8_t read_iir(struct uart *s) {
    uint8_t irq = pending_irq(s);
    if (irq == IIR_THRE) {
        s->thre_pending = 0;
        update_irq(s);
    }
    return (uint8_t)(irq | (fifos(s) ? IIR_FIFOS : 0));
}

static uint32_t uart_read(void *opaque, uint16_t port, unsigned size) {
    struct uart *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    (void)size;
    switch ((enum reg)((port - s->cfg.base) & 7)) {
    case RBR_THR: return dlab ? s->dll : pop(s);
    case IER: return dlab ? s->dlm : s->ier;
    case IIR_FCR: return read_iir(s);
    case LCR: return s->lcr;
    case MCR: return s->mcr;
    case LSR: return read_lsr(s);
    case MSR: return read_msr(s);
    default: return s->scr;
    }
}

static const struct dev_io_ops uart_ops = {
    .name = "uart16550", .read = uart_read, .write = uart_write, .byte_only = true};

/* ---- Backend ---- */

static size_t chr_room(void *opaque) {
    struct uart *s = opaque;
    return s->mcr & MCR_LOOP ? 0 : capacity(s) - s->count;
}

static void chr_receive(void *opaque, const uint8_t *buf, size_t len) {
    struct uart *s = opaque;
    for (size_t i = 0; i < len && !(s->mcr & MCR_LOOP); i++) push(s, buf[i], 0);
    restart_timeout(s);
    update_irq(s);
}

static void chr_break(void *opaque) {
    struct uart *s = opaque;
    if (!(s->mcr & MCR_LOOP)) received(s, 0, LSR_BI);
}

/* ---- Class ---- */

static void uart_reset(struct dev *d) {
    struct uart *s = (struct uart *)d;
    clear_rx(s);
    s->ier = s->fcr = s->lcr = s->mcr = s->scr = 0;
    s->dll = 12; /* 9600 baud */
    s->dlm = 0;
    s->thre_pending = 0;
    s->msr = modem_inputs(s);
    update_irq(s);
}

static enum dev_status uart_init(struct dev *d, const void *cfg) {
    struct uart *s = (struct uart *)d;
    if (cfg) s->cfg = *(const struct uart16550_config *)cfg;
    if (!s->cfg.base) s->cfg.base = 0x3F8;
    s->timeout.fn = timeout_fired;
    s->timeout.opaque = s;
    enum dev_status st = dev_io_map(d->host->io, s->cfg.base, REGS, &uart_ops, s);
    if (st != DEV_OK) return st;
    uart_reset(d);
    if (s->cfg.chr) {
        s->cfg.chr->dev_opaque = s;
        s->cfg.chr->room = chr_room;
        s->cfg.chr->receive = chr_receive;
        s->cfg.chr->event_break = chr_break;
    }
    return DEV_OK;
}

static void uart_destroy(struct dev *d) {
    struct uart *s = (struct uart *)d;
    d->host->timer_cancel(d->host->opaque, &s->timeout);
    if (s->cfg.chr) {
        s->cfg.chr->room = NULL;
        s->cfg.chr->receive = NULL;
        s->cfg.chr->event_break = NULL;
    }
}

static void uart_state(struct dev *d, struct dev_state *st) {
    struct uart *s = (struct uart *)d;
    uint8_t *regs[] = {&s->ier,
                       &s->fcr,
                       &s->lcr,
                       &s->mcr,
                       &s->msr,
                       &s->scr,
                       &s->dll,
                       &s->dlm,
                       &s->lsr_errors,
                       &s->thre_pending,
                       &s->timeout_pending,
                       &s->head,
                       &s->count};
    for (size_t i = 0; i < sizeof regs / sizeof *regs; i++) dev_state_bytes(st, regs[i], 1);
    DEV_STATE(st, s->rx);
    DEV_STATE(st, s->rx_errors);
    if (st->saving) return;
    s->head %= FIFO_SIZE;
    s->count = s->count > capacity(s) ? (uint8_t)capacity(s) : s->count;
    if (!s->timeout_pending) restart_timeout(s);
    update_irq(s);
}

const struct dev_class uart16550_class = {
    .name = "uart16550",
    .instance_size = sizeof(struct uart),
    .init = uart_init,
    .reset = uart_reset,
    .state = uart_state,
    .destroy = uart_destroy,
};
