/*
 * dma8237.c: two 8237A.
 *
 * Nothing moves by itself: the device that owns a channel calls
 * dma8237_transfer when it would raise DREQ. An address counter stays inside
 * its 64-KiB (128-KiB for words) page, as the chip's 16 bits do. Timing,
 * priorities and memory-to-memory transfers (which no PC wires up) are not
 * modelled; their registers are.
 */
#include "devemu/dma8237.h"

enum { CHIPS = 2, CHANNELS = 4 };
enum { COMMAND_DISABLE = 4 };
enum {
    MODE_TYPE = 0x0C,
    MODE_TO_MEMORY = 0x04,
    MODE_FROM_MEMORY = 0x08,
    MODE_AUTO = 0x10,
    MODE_DOWN = 0x20,
    MODE_CASCADE = 0xC0
};
/* Registers 8..15: read / write */
enum { R_STATUS_COMMAND = 8, R_REQUEST, R_MASK_ONE, R_MODE, R_CLEAR_FLIP_FLOP, R_TEMP_CLEAR, R_CLEAR_MASK, R_MASK_ALL };

struct channel {
    uint16_t base_addr, base_count, addr, count; /* count is transfers - 1; FFFFh after the last */
    uint8_t mode;
};

struct chip {
    struct channel ch[CHANNELS];
    uint8_t command, mask, requests /* by software */, dreq /* by line */, done /* terminal counts */;
    uint8_t high_byte; /* the byte flip-flop */
};

struct dma8237 {
    struct dev dev;
    struct chip chip[CHIPS];
    uint8_t page[16]; /* 80h..8Fh */
};

/* ---- Registers ---- */

static void master_clear(struct chip *c) {
    c->command = c->requests = c->done = c->high_byte = 0;
    c->mask = 0x0F;
}

static uint8_t read_half(struct chip *c, uint16_t v) {
    bool high = c->high_byte;
    c->high_byte = !high;
    return (uint8_t)(high ? v >> 8 : v);
}

static void write_half(struct chip *c, uint16_t *base, uint16_t *current, uint8_t v) {
    *base = (uint16_t)(c->high_byte ? (*base & 0xFF) | v << 8 : (*base & 0xFF00) | v);
    *current = *base;
    c->high_byte = !c->high_byte;
}

static uint8_t set_bit(uint8_t bits, uint8_t v) /* request and single mask: channel in 1..0, value in 2 */
{
    uint8_t b = (uint8_t)(1u << (v & 3));
    return (uint8_t)(v & 4 ? bits | b : bits & ~b);
}

static uint8_t chip_read(struct chip *c, unsigned reg) {
    struct channel *ch = &c->ch[reg >> 1 & 3];
    if (reg < R_STATUS_COMMAND) return read_half(c, reg & 1 ? ch->count : ch->addr);
    if (reg == R_STATUS_COMMAND) {
        uint8_t v = (uint8_t)((c->dreq | c->requests) << 4 | c->done);
        c->done = 0;
        return v;
    }
    if (reg == R_MASK_ALL) return c->mask | 0xF0;
    return 0; /* the temporary register is only for memory-to-memory; the others cannot be read */
}

static void chip_write(struct chip *c, unsigned reg, uint8_t v) {
    struct channel *ch = &c->ch[reg >> 1 & 3];
    switch (reg) {
    case R_STATUS_COMMAND: c->command = v; break;
    case R_REQUEST: c->requests = set_bit(c->requests, v); break;
    case R_MASK_ONE: c->mask = set_bit(c->mask, v); break;
    case R_MODE: c->ch[v & 3].mode = v & 0xFC; break;
    case R_CLEAR_FLIP_FLOP: c->high_byte = 0; break;
    case R_TEMP_CLEAR: master_clear(c); break;
    case R_CLEAR_MASK: c->mask = 0; break;
    case R_MASK_ALL: c->mask = v & 0x0F; break;
    default:
        if (reg & 1)
            write_half(c, &ch->base_count, &ch->count, v);
        else
            write_half(c, &ch->base_addr, &ch->addr, v);
        c->done &= (uint8_t) ~(1u << (reg >> 1));
    }
}

/* ---- Ports: 00h-0Fh, and C0h-DFh with every register twice ---- */

static uint32_t low_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return chip_read(&((struct dma8237 *)opaque)->chip[0], port & 15);
}

static void low_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    chip_write(&((struct dma8237 *)opaque)->chip[0], port & 15, (uint8_t)value);
}

static uint32_t high_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return chip_read(&((struct dma8237 *)opaque)->chip[1], port >> 1 & 15);
}

static void high_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    chip_write(&((struct dma8237 *)opaque)->chip[1], port >> 1 & 15, (uint8_t)value);
}

static uint32_t page_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return ((struct dma8237 *)opaque)->page[port & 15];
}

static void page_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    ((struct dma8237 *)opaque)->page[port & 15] = (uint8_t)value;
}

static const struct dev_io_ops low_ops = {.name = "dma8237-1", .read = low_read, .write = low_write, .byte_only = true};
static const struct dev_io_ops high_ops = {
    .name = "dma8237-2", .read = high_read, .write = high_write, .byte_only = true};
static const struct dev_io_ops page_ops = {
    .name = "dma8237-page", .read = page_read, .write = page_write, .byte_only = true, .keeps_fpu = true};

/* ---- Transfers ---- */

static const uint8_t page_port[8] = {7, 3, 1, 2, 15, 11, 9, 10};

static struct channel *channel_at(struct dma8237 *s, int n, struct chip **chip) {
    *chip = &s->chip[n >> 2 & 1];
    return &(*chip)->ch[n & 3];
}

void dma8237_set_request(struct dev *d, int channel, bool level) {
    struct chip *c = &((struct dma8237 *)d)->chip[channel >> 2 & 1];
    c->dreq = set_bit(c->dreq, (uint8_t)((channel & 3) | (level ? 4 : 0)));
}

bool dma8237_ready(struct dev *d, int channel, bool to_memory) {
    struct chip *c;
    if (channel < 0 || channel > 7 || channel == 4) return false;
    struct channel *ch = channel_at((struct dma8237 *)d, channel, &c);
    return !(c->command & COMMAND_DISABLE) && !(c->mask & 1u << (channel & 3)) &&
           (ch->mode & MODE_CASCADE) != MODE_CASCADE &&
           (ch->mode & MODE_TYPE) == (to_memory ? MODE_TO_MEMORY : MODE_FROM_MEMORY);
}

bool dma8237_at_end(struct dev *d, int channel) {
    return ((struct dma8237 *)d)->chip[channel >> 2 & 1].done & 1u << (channel & 3);
}

uint8_t dma8237_post_code(struct dev *d) { return ((struct dma8237 *)d)->page[0]; }

static struct gpa unit_address(const struct dma8237 *s, int channel, uint16_t addr) {
    uint64_t page = s->page[page_port[channel]];
    if (channel < 4) return gpa(page << 16 | addr);
    return gpa((page & 0xFE) << 16 | (uint64_t)addr << 1); /* A16 is the word address's top bit */
}

/* How many units can go in one piece: to the end of buffer, count, or address page. */
static uint32_t run_length(const struct channel *ch, size_t units) {
    uint32_t run = ch->count + 1u;
    if (run > units) run = (uint32_t)units;
    if (ch->mode & MODE_DOWN) return 1;
    return run < 0x10000u - ch->addr ? run : 0x10000u - ch->addr;
}

/* Terminal count: masks the channel, or starts it again. */
static void finish(struct chip *c, struct channel *ch, uint8_t b) {
    c->done |= b;
    c->requests &= (uint8_t)~b;
    if (ch->mode & MODE_AUTO) {
        ch->addr = ch->base_addr;
        ch->count = ch->base_count;
    } else {
        c->mask |= b;
    }
}

size_t dma8237_transfer(struct dev *d, int channel, void *buf, size_t len, bool to_memory) {
    struct dma8237 *s = (struct dma8237 *)d;
    struct chip *c;
    struct channel *ch = channel_at(s, channel, &c);
    unsigned shift = channel >= 4;
    size_t units = len >> shift, moved = 0;
    uint8_t *p = buf;

    if (!dma8237_ready(d, channel, to_memory)) return 0;
    while (moved < units) {
        uint32_t run = run_length(ch, units - moved);
        struct gpa at = unit_address(s, channel, ch->addr);
        if (to_memory)
            smmu_mem_write(d->host->mem, at, p + (moved << shift), (size_t)run << shift);
        else
            smmu_mem_read(d->host->mem, at, p + (moved << shift), (size_t)run << shift);
        moved += run;
        ch->addr = (uint16_t)(ch->mode & MODE_DOWN ? ch->addr - run : ch->addr + run);
        bool end = run == ch->count + 1u;
        ch->count = (uint16_t)(ch->count - run);
        if (end) {
            finish(c, ch, (uint8_t)(1u << (channel & 3)));
            break;
        }
    }
    return moved << shift;
}

/* ---- Class ---- */

static void dma_reset(struct dev *d) {
    struct dma8237 *s = (struct dma8237 *)d;
    for (int i = 0; i < CHIPS; i++) {
        uint8_t dreq = s->chip[i].dreq;
        s->chip[i] = (struct chip){.dreq = dreq};
        master_clear(&s->chip[i]);
    }
    for (int i = 0; i < 16; i++) s->page[i] = 0;
}

static enum dev_status dma_init(struct dev *d, const void *cfg) {
    struct dma8237 *s = (struct dma8237 *)d;
    (void)cfg;
    static const struct {
        uint16_t base, count;
        const struct dev_io_ops *ops;
    } map[] = {
        {0x00, 16, &low_ops},
        {0xC0, 32, &high_ops},
        {0x80, 16, &page_ops},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        enum dev_status st = dev_io_map(d->host->io, map[i].base, map[i].count, map[i].ops, s);
        if (st != DEV_OK) return st;
    }
    dma_reset(d);
    return DEV_OK;
}

static void dma_state(struct dev *d, struct dev_state *st) {
    struct dma8237 *s = (struct dma8237 *)d;
    DEV_STATE(st, s->chip);
    DEV_STATE(st, s->page);
}

const struct dev_class dma8237_class = {
    .name = "dma8237",
    .instance_size = sizeof(struct dma8237),
    .init = dma_init,
    .reset = dma_reset,
    .state = dma_state,
};
