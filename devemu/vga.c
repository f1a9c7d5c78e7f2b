/*
 * vga.c: the adapter as a PCI device: identity, memory, life, saved state.
 *
 * The identity is the one by which Debian's VGA BIOS and the guests' drivers know a Bochs display.
 */
#include "devemu/vga_internal.h"

static enum dev_status take_memory(struct vga *s) {
    struct smmu_mem *mem = s->pci.dev.host->mem;
    s->vram_frame = smmu_mem_add_frames(mem, VGA_VRAM_BYTES);
    s->text_frame = smmu_mem_add_frames(mem, VGA_TEXT_BYTES);
    if (s->vram_frame < 0 || s->text_frame < 0) return DEV_NO_MEMORY;
    s->vram = smmu_mem_linear(mem) + ((size_t)s->vram_frame << SMMU_PAGE_SHIFT);
    s->text = smmu_mem_linear(mem) + ((size_t)s->text_frame << SMMU_PAGE_SHIFT);
    return DEV_OK;
}

static enum dev_status add_to_bus(struct vga *s, const struct vga_config *c) {
    static const struct pci_id id = {
        .vendor = 0x1234,
        .device = 0x1111,
        .subsys_vendor = 0x1AF4,
        .subsys = 0x1100,
        .class_code = 0x030000,
        .revision = 2,
    };
    enum dev_status st = pci_dev_init(&s->pci, c->bus, c->devfn, &id);
    if (st == DEV_OK) st = pci_bar_frames(&s->pci, 0, VGA_VRAM_BYTES, s->vram_frame, s->vram_frame);
    if (st == DEV_OK && c->rom) st = pci_bar_rom(&s->pci, c->rom, c->rom_size);
    if (st != DEV_OK) return st;
    pci_wmask(&s->pci, PCI_COMMAND, 2, pci_get16(&s->pci, PCI_COMMAND) | PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
    pci_dev_ready(&s->pci);
    return DEV_OK;
}

static enum dev_status claim(struct vga *s) {
    enum dev_status st = vga_regs_map(s);
    if (st == DEV_OK) st = vga_vbe_map(s);
    if (st == DEV_OK) st = vga_mem_map(s);
    return st;
}

static void release(struct vga *s) {
    vga_mem_unmap(s);
    vga_vbe_unmap(s);
    vga_regs_unmap(s);
    pci_dev_fini(&s->pci);
}

static void reset(struct dev *d) {
    struct vga *s = to_vga(d);
    vga_mem_settle(s);
    pci_dev_reset(&s->pci);
    vga_regs_reset(s);
    vga_vbe_reset(s);
    vga_mem_update(s);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct vga *s = to_vga(d);
    const struct vga_config *c = cfg;
    if (!c || (c->rom && (!c->rom_size || c->rom_size > VGA_ROM_MAX))) return DEV_BAD_CONFIG;
    enum dev_status st = take_memory(s);
    if (st == DEV_OK) st = add_to_bus(s, c);
    if (st == DEV_OK) st = claim(s);
    if (st == DEV_OK)
        reset(d);
    else
        release(s);
    return st;
}

static void state(struct dev *d, struct dev_state *st) {
    struct vga *s = to_vga(d);
    if (st->saving) vga_mem_settle(s);
    pci_dev_state(&s->pci, st);
    uint8_t *const bytes[] = {
        &s->misc,      &s->feature,  &s->seq_index,   &s->crtc_index, &s->gc_index,  &s->attr_index,
        &s->attr_data, &s->dac_mask, &s->dac_reading, &s->dac_read,   &s->dac_write, &s->dac_step,
    };
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) dev_state_bytes(st, bytes[i], 1);
    DEV_STATE(st, s->seq);
    DEV_STATE(st, s->crtc);
    DEV_STATE(st, s->gc);
    DEV_STATE(st, s->attr);
    DEV_STATE(st, s->dac_part);
    DEV_STATE(st, s->dac);
    DEV_STATE(st, s->latch);
    DEV_STATE(st, s->start_before);
    DEV_STATE(st, s->start_ns);
    DEV_STATE(st, s->vbe_index);
    DEV_STATE(st, s->vbe);
    if (st->saving) return;
    vga_regs_fix(s);
    s->window.text = false; /* the planes came with the memory image */
    vga_mem_update(s);
}

static void destroy(struct dev *d) { release(to_vga(d)); }

const struct dev_class vga_class = {
    .name = "vga",
    .instance_size = sizeof(struct vga),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
