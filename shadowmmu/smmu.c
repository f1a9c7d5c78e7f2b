/*
 * smmu.c: lifecycle, the paging state, and what each event flushes.
 *
 * Callers: monitor (CR writes, INVLPG, A20), bt (code frames), memory.c's map listener.
 * Reaction to events:
 *   CR3 write            TLB: all but global pages; views: chosen by CR3, revalidated
 *   CR0/CR4/EFER change  TLB: everything; views: as above, a new mode has views of its own
 *   INVLPG               the page (or large page) in TLB and current views
 *   map change, A20      everything is dropped (rare)
 *   frame becomes code   write entries and writable mappings of the frame go
 */
#include "shadowmmu/shadowmmu_internal.h"

#include <stdlib.h>

static void derive(struct smmu *s) {
    const struct smmu_paging *p = &s->paging;
    s->mode = !(p->cr0 & CR0_PG) ? MODE_OFF : p->cr4 & CR4_PAE ? MODE_PAE : MODE_32;
    s->wp = (p->cr0 & CR0_WP) != 0;
    s->pse = (p->cr4 & CR4_PSE) != 0;
    s->pge = (p->cr4 & CR4_PGE) != 0;
    s->nxe = p->nxe;
}

/* Physical addresses name other memory now. */
static void drop_all(struct smmu *s) {
    s->map_generation++;
    tlb_flush(s, false);
    views_drop_all(s);
}

static void on_map_change(void *opaque, struct gpa base, uint64_t size) {
    struct smmu *s = opaque;
    (void)base;
    (void)size;
    device_forget(s);
    /* Nothing else of devices and holes is cached: a BAR that moves costs little. */
    if (!s->mem->change_hit_memory) return;
    drop_all(s);
}

enum smmu_status smmu_create(struct smmu_mem *mem, const struct smmu_limits *limits, struct smmu **out) {
    struct smmu *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return SMMU_NO_MEMORY;
    s->mem = mem;
    s->a20_mask = UINT64_MAX;
    s->no_code_ahead = limits && limits->no_code_ahead;
    s->no_kept_globals = limits && limits->no_kept_globals;
    device_forget_all(s);
    enum smmu_status status = tlb_create(s, limits ? limits->near : NULL);
    if (status == SMMU_OK) status = views_create(s, limits);
    if (status != SMMU_OK) {
        smmu_destroy(s);
        return status;
    }
    smmu_mem_on_map_change(mem, on_map_change, s);
    *out = s;
    return SMMU_OK;
}

void smmu_destroy(struct smmu *s) {
    if (!s) return;
    mem_remove_map_listener(s->mem, s);
    views_destroy(s);
    tlb_destroy(s);
    free(s);
}

void smmu_set_paging(struct smmu *s, const struct smmu_paging *p, bool flush_global) {
    const enum paging_mode mode = s->mode;
    const bool wp = s->wp, pse = s->pse, pge = s->pge, nxe = s->nxe;
    s->paging = *p;
    derive(s);
    const bool format_changed = mode != s->mode || pse != s->pse || nxe != s->nxe;
    const bool all = flush_global || format_changed || wp != s->wp || pge != s->pge;
    const bool keep_global = !all && s->pge;
    tlb_flush(s, keep_global);
    views_switch(s, keep_global && !s->no_kept_globals);
}

void smmu_invlpg(struct smmu *s, struct gva va) {
    s->stats.invlpgs++;
    tlb_invlpg(s, va.v);
    views_invlpg(s, va.v);
}

void smmu_set_a20(struct smmu *s, bool enabled) {
    const uint64_t mask = enabled ? UINT64_MAX : ~(UINT64_C(1) << 20);
    if (mask == s->a20_mask) return;
    s->a20_mask = mask;
    drop_all(s);
}

bool smmu_a20(const struct smmu *s) { return s->a20_mask == UINT64_MAX; }

uint32_t smmu_map_generation(const struct smmu *s) { return s->map_generation; }

void smmu_code_protect(struct smmu *s, uint32_t frame) {
    SMMU_BUG_ON(frame >= s->mem->frames);
    if (mem_is_code(s->mem, frame)) return;
    mem_set_code(s->mem, frame, true);
    tlb_drop_frame_writes(s, frame);
    views_protect_frame(s, frame);
}

void smmu_code_unprotect(struct smmu *s, uint32_t frame) { mem_set_code(s->mem, frame, false); }

void smmu_get_stats(const struct smmu *s, struct smmu_stats *out) {
    *out = s->stats;
    views_get_stats(s, out);
}
