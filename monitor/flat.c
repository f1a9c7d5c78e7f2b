#include "monitor/flat.h"

#include <stdio.h>
#include "monitor/image.h"
#include "monitor/machine.h"

enum {
    FLAT_CS = 0x08,
    FLAT_DS = 0x10,
    FLAT_STACK = 0x7000,
    REAL_TOP = 0x100000,
    DATA_ATTR = BT_ATTR_P | BT_ATTR_S | BT_ATTR_RW | BT_ATTR_ACCESSED,
    CODE_ATTR = DATA_ATTR | BT_ATTR_CODE,
};

bool flat_check(const struct machine *m, const struct image *im, char *errbuf, size_t errlen) {
    const struct mon_config *c = m->cfg;
    bool fits = c->flat_address + (uint64_t)im->size <= c->memory;
    bool real_ok = !c->flat_real_mode || (c->flat_address < REAL_TOP && c->flat_address % 16 == 0);
    if (!fits)
        snprintf(errbuf, errlen, "flat image %s: does not fit into memory at %#x", c->flat_image, c->flat_address);
    else if (!real_ok)
        snprintf(errbuf, errlen, "flat image %s: a real-mode address is a multiple of 16 below 1 MiB", c->flat_image);
    return fits && real_ok;
}

static void set_seg(struct vcpu *v, int seg, uint16_t selector, uint32_t base, uint32_t limit, unsigned attr) {
    v->cpu.seg[seg] = (struct bt_seg){.base = base, .limit = limit, .selector = selector, .attr = (uint16_t)attr};
    bt_seg_loaded(&v->cpu, seg);
}

static void enter_protected(struct vcpu *v, uint32_t address) {
    const unsigned flat = BT_ATTR_DB | BT_ATTR_G;
    v->cpu.cr0 |= CR0_PE;
    for (int seg = 0; seg < DEC_SEG_COUNT; seg++)
        set_seg(v, seg, seg == DEC_CS ? FLAT_CS : FLAT_DS, 0, UINT32_MAX,
                (seg == DEC_CS ? CODE_ATTR : DATA_ATTR) | flat);
    v->cpu.eip = address;
}

static void enter_real(struct vcpu *v, uint32_t address) {
    for (int seg = 0; seg < DEC_SEG_COUNT; seg++) set_seg(v, seg, 0, 0, 0xFFFF, DATA_ATTR);
    set_seg(v, DEC_CS, (uint16_t)(address >> 4), address, 0xFFFF, CODE_ATTR);
    v->cpu.eip = 0;
}

void flat_enter(struct machine *m, const struct image *im) {
    struct vcpu *v = &m->vcpu;
    smmu_mem_write(m->mem, gpa(m->cfg->flat_address), im->data, im->size);
    if (m->cfg->flat_real_mode)
        enter_real(v, m->cfg->flat_address);
    else
        enter_protected(v, m->cfg->flat_address);
    v->cpu.cpl = 0;
    v->cpu.gpr[DEC_ESP] = FLAT_STACK;
    mon_update_paging(v, true);
}
