/*
 * fw_cfg.c: the firmware configuration device.
 *
 * Source: QEMU docs/specs/fw_cfg (register layout, DMA control structure, file
 * directory; all directory and DMA numbers are big-endian). Items are
 * read-only for the guest: a DMA write reports an error. Reads past the end of
 * an item give zeros, on which our boot ROM relies to clear memory.
 */
#include "devemu/fw_cfg.h"
#include <stdlib.h>
#include <string.h>
#include "devemu/bytes.h"

enum {
    PORT_SELECT = 0x510,
    PORT_DATA = 0x511,
    PORT_DMA = 0x514,
    ID_TRADITIONAL = 1,
    ID_DMA = 2,
    LEGACY_KEYS = FW_CFG_FILE_FIRST,
    LOCAL_KEYS = 16,
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SKIP = 4,
    DMA_SELECT = 8,
    DMA_WRITE = 16,
    DMA_STRUCT = 16,
    DIR_ENTRY = 64,
    DIR_NAME_AT = 8,
    KEY_BITS = 0x3FFF,
    KEY_WRITE_CHANNEL = 0x4000,
};

struct item {
    uint8_t *data; /* malloc'd */
    size_t len;
};

struct file {
    struct item item;
    char name[FW_CFG_NAME_MAX + 1];
};

struct fw_cfg {
    struct dev dev;
    struct item legacy[LEGACY_KEYS];
    struct item local[LOCAL_KEYS];
    struct file file[FW_CFG_MAX_FILES];
    unsigned files;
    uint8_t dir[4 + FW_CFG_MAX_FILES * DIR_ENTRY];
    uint16_t key;
    uint64_t offset;
    uint32_t dma_high;
};

static struct fw_cfg *to_fw(struct dev *d) { return (struct fw_cfg *)d; }

/* ---- Items ---- */

static struct item *item_of(struct fw_cfg *s, uint16_t key) {
    unsigned k = key & KEY_BITS;
    if (key & FW_CFG_ARCH_LOCAL) return k < LOCAL_KEYS ? &s->local[k] : NULL;
    if (k < LEGACY_KEYS) return &s->legacy[k];
    return k - FW_CFG_FILE_FIRST < s->files ? &s->file[k - FW_CFG_FILE_FIRST].item : NULL;
}

/* The bytes of the selected item from the offset on. */
static const uint8_t *selected(struct fw_cfg *s, size_t *left) {
    const uint8_t *data = NULL;
    size_t len = 0;
    if (s->key == FW_CFG_FILE_DIR) {
        data = s->dir;
        len = 4 + (size_t)s->files * DIR_ENTRY;
    } else {
        const struct item *it = item_of(s, s->key);
        if (it) {
            data = it->data;
            len = it->len;
        }
    }
    *left = s->offset < len ? len - (size_t)s->offset : 0;
    return *left ? data + s->offset : NULL;
}

static enum dev_status set_item(struct item *it, const void *data, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy) return DEV_NO_MEMORY;
    if (len) memcpy(copy, data, len);
    free(it->data);
    *it = (struct item){.data = copy, .len = len};
    return DEV_OK;
}

enum dev_status fw_cfg_add_bytes(struct dev *d, uint16_t key, const void *data, size_t len) {
    bool legacy = !(key & FW_CFG_ARCH_LOCAL) && (key & KEY_BITS) < LEGACY_KEYS;
    bool local = (key & FW_CFG_ARCH_LOCAL) && (key & KEY_BITS) < LOCAL_KEYS;
    if ((!legacy && !local) || key == FW_CFG_FILE_DIR) return DEV_BAD_CONFIG;
    return set_item(item_of(to_fw(d), key), data, len);
}

static enum dev_status add_le(struct dev *d, uint16_t key, uint64_t v, unsigned bytes) {
    uint8_t b[8];
    for (unsigned i = 0; i < bytes; i++) b[i] = (uint8_t)(v >> (8 * i));
    return fw_cfg_add_bytes(d, key, b, bytes);
}
enum dev_status fw_cfg_add_u16(struct dev *d, uint16_t key, uint16_t value) { return add_le(d, key, value, 2); }
enum dev_status fw_cfg_add_u32(struct dev *d, uint16_t key, uint32_t value) { return add_le(d, key, value, 4); }
enum dev_status fw_cfg_add_u64(struct dev *d, uint16_t key, uint64_t value) { return add_le(d, key, value, 8); }

/* ---- Files ---- */

static struct file *find(struct fw_cfg *s, const char *name) {
    for (unsigned i = 0; i < s->files; i++) {
        if (!strcmp(s->file[i].name, name)) return &s->file[i];
    }
    return NULL;
}

static void write_dir_entry(struct fw_cfg *s, unsigned i) {
    uint8_t *e = s->dir + 4 + i * DIR_ENTRY;
    put_be32(s->dir, s->files);
    put_be32(e, (uint32_t)s->file[i].item.len);
    put_be32(e + 4, (FW_CFG_FILE_FIRST + i) << 16);
    memcpy(e + DIR_NAME_AT, s->file[i].name, sizeof s->file[i].name);
}

enum dev_status fw_cfg_give_file(struct dev *d, const char *name, void *data, size_t len) {
    struct fw_cfg *s = to_fw(d);
    if (!*name || strlen(name) > FW_CFG_NAME_MAX || len > UINT32_MAX) return DEV_BAD_CONFIG;
    if (find(s, name)) return DEV_CONFLICT;
    if (s->files == FW_CFG_MAX_FILES) return DEV_NO_MEMORY;
    struct file *f = &s->file[s->files++];
    strcpy(f->name, name);
    f->item = (struct item){.data = data, .len = len};
    write_dir_entry(s, s->files - 1);
    return DEV_OK;
}

enum dev_status fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t len) {
    struct item it = {0};
    enum dev_status st = set_item(&it, data, len);
    if (st != DEV_OK) return st;
    st = fw_cfg_give_file(d, name, it.data, len);
    if (st != DEV_OK) free(it.data);
    return st;
}

enum dev_status fw_cfg_add_number(struct dev *d, const char *name, uint64_t value, unsigned bytes) {
    uint8_t b[8];
    if (!bytes || bytes > 8) return DEV_BAD_CONFIG;
    for (unsigned i = 0; i < bytes; i++) b[i] = (uint8_t)(value >> (8 * i));
    return fw_cfg_add_file(d, name, b, bytes);
}

const void *fw_cfg_find_file(struct dev *d, const char *name, size_t *len) {
    const struct file *f = find(to_fw(d), name);
    if (!f) return NULL;
    *len = f->item.len;
    return f->item.data;
}

/* ---- Selector and data port ---- */

static void select_key(struct fw_cfg *s, uint16_t key) {
    s->key = key & (uint16_t)~KEY_WRITE_CHANNEL;
    s->offset = 0;
}

static uint8_t next_byte(struct fw_cfg *s) {
    size_t left;
    const uint8_t *p = selected(s, &left);
    s->offset++;
    return p ? *p : 0;
}

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return port == PORT_DATA ? next_byte(opaque) : 0;
}
static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    if (port == PORT_SELECT && size == 2) select_key(opaque, (uint16_t)value);
}
static const struct dev_io_ops port_ops = {.name = "fw_cfg", .read = port_read, .write = port_write};

/* ---- DMA ---- */

static void write_zeros(struct smmu_mem *mem, uint64_t at, uint64_t len) {
    static const uint8_t zeros[4096];
    while (len) {
        size_t n = len < sizeof zeros ? (size_t)len : sizeof zeros;
        (void)smmu_mem_write(mem, gpa(at), zeros, n);
        at += n;
        len -= n;
    }
}

/* Length is the guest's 32 bits: an address that runs out of memory wastes at most 4 GiB of dropped bytes,
 * so the part behind the last byte of memory is not even tried. */
static void dma_read(struct fw_cfg *s, uint64_t at, uint32_t len) {
    size_t left;
    const uint8_t *p = selected(s, &left);
    uint32_t given = left < len ? (uint32_t)left : len;
    s->offset += len;
    if (at >> 32) return;
    uint64_t room = (1ull << 32) - at;
    if (given > room) given = (uint32_t)room;
    if (given) (void)smmu_mem_write(s->dev.host->mem, gpa(at), p, given);
    uint64_t end = at + len < 1ull << 32 ? at + len : 1ull << 32;
    uint64_t ram = smmu_mem_ram_size(s->dev.host->mem);
    if (end > ram) end = ram;
    if (end > at + given) write_zeros(s->dev.host->mem, at + given, end - (at + given));
}

static void dma_run(struct fw_cfg *s, uint64_t at) {
    uint8_t c[DMA_STRUCT];
    struct smmu_mem *mem = s->dev.host->mem;
    (void)smmu_mem_read(mem, gpa(at), c, sizeof c);
    uint32_t control = get_be32(c), len = get_be32(c + 4), result = 0;
    uint64_t target = (uint64_t)get_be32(c + 8) << 32 | get_be32(c + 12);
    if (control & DMA_SELECT) select_key(s, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        dma_read(s, target, len);
    else if (control & DMA_WRITE)
        result = DMA_ERROR;
    else if (control & DMA_SKIP)
        s->offset += len;
    put_be32(c, result);
    (void)smmu_mem_write(mem, gpa(at), c, 4);
}

static uint32_t swap32(uint32_t v) { return __builtin_bswap32(v); }

static uint32_t dma_port_read(void *opaque, uint16_t port, unsigned size) {
    static const uint8_t signature[12] = "QEMU CFG"; /* zeros behind it: wide reads stay inside */
    uint32_t v = 0;
    (void)opaque;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)signature[port - PORT_DMA + i] << (8 * i);
    return v;
}
/* The address register is big-endian: high half, then the low half, which starts the transfer. */
static void dma_port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct fw_cfg *s = opaque;
    if (size != 4) return;
    if (port == PORT_DMA) {
        s->dma_high = swap32(value);
    } else if (port == PORT_DMA + 4) {
        uint64_t at = (uint64_t)s->dma_high << 32 | swap32(value);
        s->dma_high = 0;
        dma_run(s, at);
    }
}
static const struct dev_io_ops dma_ops = {.name = "fw_cfg-dma", .read = dma_port_read, .write = dma_port_write};

/* ---- What firmware expects to find ---- */

/* etc/e820: { u64 address, u64 length, u32 type }; RAM as the host bridge lays it out. */
static enum dev_status add_e820(struct dev *d, uint64_t ram) {
    uint8_t e[20] = {0};
    for (int i = 0; i < 8; i++) e[8 + i] = (uint8_t)(ram >> (8 * i));
    e[16] = 1; /* RAM */
    return fw_cfg_add_file(d, "etc/e820", e, sizeof e);
}

static enum dev_status add_standard(struct dev *d, const struct fw_cfg_cfg *c) {
    static const uint8_t no_numa[8];
    /* Sleep states S0..S5: high bit = offered, low bits = SLP_TYP. No S3, no S4. */
    static const uint8_t sleep_states[6] = {128, 0, 0, 1, 2, 128};
    uint64_t ram = smmu_mem_ram_size(d->host->mem);
    uint16_t cpus = (uint16_t)(c && c->cpus ? c->cpus : 1);
    enum dev_status st = fw_cfg_add_bytes(d, FW_CFG_SIGNATURE, "QEMU", 4);
    if (st == DEV_OK) st = fw_cfg_add_u32(d, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    if (st == DEV_OK) st = fw_cfg_add_u64(d, FW_CFG_RAM_SIZE, ram);
    if (st == DEV_OK) st = fw_cfg_add_u16(d, FW_CFG_NOGRAPHIC, 0);
    if (st == DEV_OK) st = fw_cfg_add_u16(d, FW_CFG_NB_CPUS, cpus);
    if (st == DEV_OK) st = fw_cfg_add_u16(d, FW_CFG_MAX_CPUS, cpus);
    if (st == DEV_OK) st = fw_cfg_add_bytes(d, FW_CFG_NUMA, no_numa, sizeof no_numa);
    if (st == DEV_OK) st = fw_cfg_add_u16(d, FW_CFG_BOOT_MENU, c && c->boot_menu);
    if (st == DEV_OK) st = fw_cfg_add_bytes(d, FW_CFG_IRQ0_OVERRIDE, "\1", 1);
    if (st == DEV_OK) st = fw_cfg_add_file(d, "etc/system-states", sleep_states, sizeof sleep_states);
    return st == DEV_OK ? add_e820(d, ram) : st;
}

static void free_items(struct fw_cfg *s) {
    for (unsigned i = 0; i < LEGACY_KEYS; i++) free(s->legacy[i].data);
    for (unsigned i = 0; i < LOCAL_KEYS; i++) free(s->local[i].data);
    for (unsigned i = 0; i < s->files; i++) free(s->file[i].item.data);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct fw_cfg *s = to_fw(d);
    const struct fw_cfg_cfg *c = cfg;
    if (c && c->cpus > 255) return DEV_BAD_CONFIG;
    enum dev_status st = add_standard(d, c);
    if (st == DEV_OK) st = dev_io_map(d->host->io, PORT_SELECT, 2, &port_ops, s);
    if (st == DEV_OK) st = dev_io_map(d->host->io, PORT_DMA, 8, &dma_ops, s);
    if (st != DEV_OK) free_items(s);
    return st;
}

static void reset(struct dev *d) {
    select_key(to_fw(d), 0);
    to_fw(d)->dma_high = 0;
}

static void state(struct dev *d, struct dev_state *st) {
    DEV_STATE(st, to_fw(d)->key);
    DEV_STATE(st, to_fw(d)->offset);
    DEV_STATE(st, to_fw(d)->dma_high);
}

static void destroy(struct dev *d) {
    dev_io_unmap(d->host->io, PORT_SELECT, 2);
    dev_io_unmap(d->host->io, PORT_DMA, 8);
    free_items(to_fw(d));
}

const struct dev_class fw_cfg_class = {
    .name = "fw_cfg",
    .instance_size = sizeof(struct fw_cfg),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
