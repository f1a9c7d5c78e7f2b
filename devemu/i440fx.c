/*
 * i440fx.c: Intel 82441FX host bridge: guest memory map, PAM, SMRAM.
 *
 * Source: Intel 440FX PCIset datasheet (290549), 3.2 "PCI Configuration Space
 * Mapped Registers". The subsystem id is the one by which SeaBIOS knows an
 * emulated board. SMM does not exist here: the SMRAM register is storage.
 */
#include "devemu/i440fx.h"

enum {
    REG_PMCCFG = 0x50,
    REG_DRB = 0x60,
    REG_PAM0 = 0x59,
    REG_PAM6 = 0x5F,
    REG_SMRAM = 0x72,
    REG_ERRCMD = 0x90,
    PAM_READ = 1,
    PAM_WRITE = 2,
    SMRAM_LOCK = 0x10,
    SMRAM_RESET = 0x02,
    PAM_AREAS = 13,
    LOW_RAM_END = 0xA0000,
    PAM_START = 0xC0000,
    HIGH_BIOS_START = 0xE0000,
    MIB = 0x100000,
    LOW_BIOS_BYTES = MIB - HIGH_BIOS_START,
};

/* Which nibble of which register rules which addresses. */
static const struct pam_area {
    uint32_t base, size;
    uint8_t reg, shift;
} pam_area[PAM_AREAS] = {
    {0xF0000, 0x10000, 0x59, 4}, {0xC0000, 0x4000, 0x5A, 0}, {0xC4000, 0x4000, 0x5A, 4}, {0xC8000, 0x4000, 0x5B, 0},
    {0xCC000, 0x4000, 0x5B, 4},  {0xD0000, 0x4000, 0x5C, 0}, {0xD4000, 0x4000, 0x5C, 4}, {0xD8000, 0x4000, 0x5D, 0},
    {0xDC000, 0x4000, 0x5D, 4},  {0xE0000, 0x4000, 0x5E, 0}, {0xE4000, 0x4000, 0x5E, 4}, {0xE8000, 0x4000, 0x5F, 0},
    {0xEC000, 0x4000, 0x5F, 4},
};

struct i440fx {
    struct pci_dev pci;
    int32_t bios_frame;
    uint32_t bios_size;
    uint8_t pam_now[PAM_AREAS]; /* what is mapped at present; 0xFF: nothing yet */
};

static struct i440fx *to_i440fx(struct dev *d) { return (struct i440fx *)d; }

static int32_t frame_of(uint32_t address) { return (int32_t)(address >> SMMU_PAGE_SHIFT); }

/* The ROM frame that shows at an address below 1 MiB, or -1. */
static int32_t low_rom_frame(const struct i440fx *s, uint32_t address) {
    uint32_t low = s->bios_size < LOW_BIOS_BYTES ? s->bios_size : LOW_BIOS_BYTES;
    if (address < MIB - low) return -1;
    return s->bios_frame + frame_of(s->bios_size - (MIB - address));
}

static void map_area(struct i440fx *s, int n) {
    const struct pam_area *a = &pam_area[n];
    uint8_t mode = (uint8_t)(s->pci.config[a->reg] >> a->shift & (PAM_READ | PAM_WRITE));
    if (mode == s->pam_now[n]) return;
    s->pam_now[n] = mode;
    int32_t ram = frame_of(a->base);
    int32_t rd = mode & PAM_READ ? ram : low_rom_frame(s, a->base);
    int32_t wr = mode & PAM_WRITE ? ram : -1;
    (void)smmu_mem_map_frames(s->pci.dev.host->mem, gpa(a->base), a->size, rd, wr);
}

static void map_pam(struct i440fx *s) {
    for (int n = 0; n < PAM_AREAS; n++) map_area(s, n);
}

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    if (offset <= REG_PAM6 && offset + size > REG_PAM0) map_pam((struct i440fx *)pd);
    if (offset <= REG_SMRAM && offset + size > REG_SMRAM && (pd->config[REG_SMRAM] & SMRAM_LOCK))
        pd->wmask[REG_SMRAM] = 0;
}

static enum dev_status map_memory(struct i440fx *s) {
    struct smmu_mem *mem = s->pci.dev.host->mem;
    uint64_t ram = smmu_mem_ram_size(mem);
    if (ram < MIB || ram > I440FX_RAM_MAX) return DEV_BAD_CONFIG;
    if (smmu_mem_map_frames(mem, gpa(0), LOW_RAM_END, 0, 0) != SMMU_OK) return DEV_NO_MEMORY;
    if (ram > MIB && smmu_mem_map_frames(mem, gpa(MIB), ram - MIB, frame_of(MIB), frame_of(MIB)) != SMMU_OK)
        return DEV_NO_MEMORY;
    uint64_t top = (1ull << 32) - s->bios_size;
    if (smmu_mem_map_frames(mem, gpa(top), s->bios_size, s->bios_frame, -1) != SMMU_OK) return DEV_NO_MEMORY;
    return DEV_OK;
}

static enum dev_status add_to_bus(struct i440fx *s, struct dev *bus) {
    static const struct pci_id id = {
        .vendor = 0x8086,
        .device = 0x1237,
        .subsys_vendor = 0x1AF4,
        .subsys = 0x1100,
        .class_code = 0x060000,
        .revision = 2,
    };
    struct pci_dev *pd = &s->pci;
    enum dev_status st = pci_dev_init(pd, bus, PCI_DEVFN(0, 0), &id);
    if (st != DEV_OK) return st;
    pci_set16(pd, PCI_COMMAND, PCI_CMD_MEM | PCI_CMD_MASTER);
    pci_wmask(pd, PCI_COMMAND, 2, 0x0100);
    pci_set16(pd, PCI_STATUS, 0x0280);
    pci_wmask(pd, REG_PMCCFG, 4, 0xFFFFFFFFu);
    pci_wmask(pd, REG_PAM0, 1, 0x30);
    for (unsigned r = REG_PAM0 + 1; r <= REG_PAM6; r++) pci_wmask(pd, r, 1, 0x33);
    for (unsigned r = REG_DRB; r < REG_DRB + 8; r++) pci_wmask(pd, r, 1, 0xFF);
    pci_set8(pd, REG_SMRAM, SMRAM_RESET);
    pci_wmask(pd, REG_SMRAM, 1, 0x78);
    pci_wmask(pd, REG_ERRCMD, 1, 0xFF);
    pd->config_written = config_written;
    pci_dev_ready(pd);
    return DEV_OK;
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct i440fx *s = to_i440fx(d);
    const struct i440fx_cfg *c = cfg;
    if (!c || !c->bios || !c->bios_size || c->bios_size % 0x10000 || c->bios_size > I440FX_BIOS_MAX)
        return DEV_BAD_CONFIG;
    s->bios_size = (uint32_t)c->bios_size;
    s->bios_frame = smmu_mem_add_rom(d->host->mem, c->bios, c->bios_size);
    if (s->bios_frame < 0) return DEV_NO_MEMORY;
    for (int n = 0; n < PAM_AREAS; n++) s->pam_now[n] = 0xFF;
    enum dev_status st = add_to_bus(s, c->bus);
    if (st != DEV_OK) return st;
    st = map_memory(s);
    if (st == DEV_OK)
        map_pam(s);
    else
        pci_dev_fini(&s->pci);
    return st;
}

static void reset(struct dev *d) {
    struct i440fx *s = to_i440fx(d);
    pci_dev_reset(&s->pci);
    pci_wmask(&s->pci, REG_SMRAM, 1, 0x78);
    map_pam(s);
}

static void state(struct dev *d, struct dev_state *st) {
    struct i440fx *s = to_i440fx(d);
    pci_dev_state(&s->pci, st);
    DEV_STATE(st, s->pci.wmask[REG_SMRAM]);
    if (!st->saving && !st->failed) map_pam(s);
}

static void destroy(struct dev *d) { pci_dev_fini(&to_i440fx(d)->pci); }

const struct dev_class i440fx_class = {
    .name = "i440fx",
    .instance_size = sizeof(struct i440fx),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
