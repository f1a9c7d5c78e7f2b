/*
 * device.c: which device a linear address led to last time.
 *
 * Callers: bt's slow access, before it walks. Invariants: what is remembered is
 * forgotten with the TLB entries that such a page would have (flush, INVLPG, page
 * fault, map change), and access rights are those of the walk that was made.
 */
#include "shadowmmu/shadowmmu_internal.h"

#define NO_ADDRESS (UINT64_C(1) << 32)

static uint32_t key_of(bool user, uint32_t va, bool write) {
    return (va & SMMU_PAGE_BASE) | DEVICE_VALID | (user ? DEVICE_USER : 0) | (write ? DEVICE_WRITE : 0);
}

static uint32_t slot_of(uint32_t va) { return va >> SMMU_PAGE_SHIFT & (DEVICE_PAGES - 1); }

static const struct mmio_range *range_at(const struct smmu *s, uint32_t pa) {
    struct phys_page p = mem_page(s->mem, pa);
    return p.read1 == 0 && p.write1 < 0 ? &s->mem->mmio[-p.write1 - 1] : NULL;
}

void device_forget_all(struct smmu *s) {
    static const uint32_t never;
    memset(s->device, 0, sizeof s->device);
    s->quick = (struct smmu_quick_at){.va = NO_ADDRESS, .busy = &never};
    s->any_device = false;
}

static void note_quick(struct smmu *s, uint32_t va, uint32_t pa, const struct mmio_range *r) {
    const struct smmu_quick *q = r->dev->quick;
    uint64_t at = q ? r->base + q->offset : 0;
    if (!q || at >> SMMU_PAGE_SHIFT != pa >> SMMU_PAGE_SHIFT) return;
    uint32_t reg = (va & SMMU_PAGE_BASE) | (uint32_t)(at & SMMU_PAGE_MASK);
    s->quick = (struct smmu_quick_at){.va = reg, .delta = (uint64_t)(uintptr_t)q->value - reg, .busy = q->busy};
}

void device_note(struct smmu *s, bool user, uint32_t va, bool write, uint64_t pa) {
    if (pa >> 32 || s->mem->device_fn) return;
    const struct mmio_range *r = range_at(s, (uint32_t)pa);
    if (!r) return;
    s->device[slot_of(va)] = (struct device_page){key_of(user, va, write), (uint32_t)pa & SMMU_PAGE_BASE};
    s->any_device = true;
    if (write && !user) note_quick(s, va, (uint32_t)pa, r);
}

bool smmu_register_at(const struct smmu *s, bool user, struct gva va, uint32_t size, bool write,
                      struct smmu_register *out) {
    const struct device_page *d = &s->device[slot_of(va.v)];
    uint32_t key = key_of(user, va.v, write);
    if ((d->key | (write ? 0 : DEVICE_WRITE)) != (key | (write ? 0 : DEVICE_WRITE))) return false;
    if ((size != 4 && size != 2 && size != 1) || va.v & (size - 1)) return false;
    uint32_t pa = d->pa | (va.v & SMMU_PAGE_MASK);
    const struct mmio_range *r = range_at(s, pa);
    if (!r) return false;
    *out = (struct smmu_register){r->dev, (uint32_t)(pa - r->base)};
    return true;
}

void smmu_forget_devices(struct smmu *s) { device_forget_all(s); }

const struct smmu_quick_at *smmu_quick_at(const struct smmu *s) { return &s->quick; }
