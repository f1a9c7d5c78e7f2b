/*
 * relocate.c: the translation of code that is known at another address: a copy.
 *
 * Address space randomization gives every process its own addresses for the same bytes in the same frames. What a
 * block's host code knows of its address is a list of 32-bit fields, so a copy costs a small part of a translation.
 * The PC map is relative to the block and shared. Links and ports start anew.
 */
#include "bt/bt_internal.h"

#include <string.h>

/* A block so far from both ends of the address space has no branch or address that wraps around. */
enum { FAR_ENOUGH = 1 << 24 };

static uint32_t slot_of(uint32_t frame, uint32_t off, uint32_t mode) {
    return code_slot(frame * 0x9E3779B1u ^ mode * 0xC2B2AE35u, off);
}

void kin_note(struct bt_engine *e, uint32_t id) {
    const struct block *b = &e->blocks[id];
    e->kin[slot_of(b->frame[0], b->off, b->mode)] = id;
}

static bool far_from_ends(uint32_t eip) { return eip - FAR_ENOUGH < 0u - 2u * FAR_ENOUGH; }

/* Is every branch to the same side at both addresses? */
static bool links_fit(const struct bt_engine *e, const struct block *b, uint32_t eip) {
    for (unsigned i = 0; i < b->n_links; i++) {
        int64_t rel = (int32_t)(e->links[b->link_first + i].target_eip - b->eip);
        if (b->eip + rel != e->links[b->link_first + i].target_eip || eip + rel < 0 || eip + rel > UINT32_MAX)
            return false;
    }
    return true;
}

uint32_t kin_find(const struct bt_engine *e, uint32_t frame, uint32_t eip, uint32_t mode) {
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    uint32_t off = (cs->base + eip) & SMMU_PAGE_MASK, id = e->kin[slot_of(frame, off, mode)];
    if (id == BT_NONE || e->cfg.no_copies || e->n_breaks || e->n_marks || mode & (MODE_STEP | MODE_SINGLE) ||
        cs->limit != UINT32_MAX)
        return BT_NONE;
    const struct block *b = &e->blocks[id];
    bool same =
        b->frame[0] == frame && b->off == off && b->mode == mode && b->cs_base == cs->base && b->cs_limit == cs->limit;
    bool good = !b->dead && !b->fixed && !b->demoted && b->frame[1] == BT_NONE && !adapt_wants(e, b);
    return same && good && far_from_ends(b->eip) && far_from_ends(eip) && links_fit(e, b, eip) ? id : BT_NONE;
}

static void add_to(uint8_t *field, uint32_t by) {
    uint32_t v;
    memcpy(&v, field, sizeof v);
    v += by;
    memcpy(field, &v, sizeof v);
}

static void set(uint8_t *field, uint32_t v) { memcpy(field, &v, sizeof v); }

static uint32_t copy_site(struct bt_engine *e, const uint8_t *field, uint32_t delta) {
    uint32_t old;
    memcpy(&old, field, sizeof old);
    e->sites[e->n_sites] = e->sites[old];
    e->sites[e->n_sites].eip += delta;
    return e->n_sites++;
}

struct deltas {
    uint32_t eip, hot, cold;
};

static void fix_fields(struct bt_engine *e, const struct block *from, const struct block *to, const struct deltas *d) {
    for (uint32_t i = 0; i < from->reloc_count; i++) {
        const struct reloc *r = &e->relocs[from->reloc_first + i];
        uint8_t *field = e->code + (r->cold ? to->cold_off : to->host_off) + r->host_off;
        uint32_t here = r->cold ? d->cold : d->hot;
        switch ((enum reloc_kind)r->kind) {
        case RELOC_THUNK: add_to(field, 0u - here); break;
        case RELOC_HOT: add_to(field, d->hot - here); break;
        case RELOC_COLD: add_to(field, d->cold - here); break;
        case RELOC_EIP: add_to(field, d->eip); break;
        case RELOC_MINUS_EIP: add_to(field, 0u - d->eip); break;
        case RELOC_PAGE: add_to(field, (uint32_t)((int32_t)d->eip / (int32_t)SMMU_PAGE_SIZE * 4)); break;
        case RELOC_SITE: set(field, copy_site(e, field, d->eip)); break;
        }
    }
}

/* Stubs begin with mov r32, number: two bytes before it. */
static uint8_t *stub_number(struct bt_engine *e, uint32_t stub_off) { return e->code + stub_off + 2; }

static void copy_links(struct bt_engine *e, const struct block *from, struct block *to, const struct deltas *d,
                       uint32_t id) {
    to->link_first = e->n_links;
    for (unsigned i = 0; i < from->n_links; i++) {
        uint32_t l = e->n_links++;
        const struct link *old = &e->links[from->link_first + i];
        e->links[l] = (struct link){.from = id,
                                    .target_eip = old->target_eip + d->eip,
                                    .field_off = old->field_off + d->hot,
                                    .stub_off = old->stub_off + d->cold,
                                    .to = BT_NONE,
                                    .next_in = BT_NONE};
        set(stub_number(e, e->links[l].stub_off), l);
        x86_patch_rel32(e->code + e->links[l].field_off, e->code + e->links[l].stub_off);
    }
}

static void copy_ports(struct bt_engine *e, const struct block *from, struct block *to, const struct deltas *d,
                       uint32_t id) {
    to->port_head = BT_NONE;
    for (uint32_t i = from->port_head; i != BT_NONE; i = e->ports[i].next) {
        uint32_t p = e->n_ports++;
        e->ports[p] = (struct port){.from = id,
                                    .next = to->port_head,
                                    .field_off = e->ports[i].field_off + d->hot,
                                    .stub_off = e->ports[i].stub_off + d->cold,
                                    .many = e->ports[i].many};
        to->port_head = p;
        set(stub_number(e, e->ports[p].stub_off), p);
        x86_patch_rel32(e->code + e->ports[p].field_off, e->code + e->ports[p].stub_off);
    }
}

uint32_t block_copy(struct bt_engine *e, uint32_t kin, uint32_t eip) {
    uint32_t id = e->n_blocks++;
    const struct block *from = &e->blocks[kin];
    struct block *to = &e->blocks[id];
    *to = *from;
    to->eip = eip;
    to->host_off = (uint32_t)e->code_used;
    to->cold_off = (uint32_t)(cold_space(e) - e->code);
    to->cross_off = from->body ? to->host_off : 0;
    to->ind_off = 0;
    to->in_head = BT_NONE;
    to->samples = 0;
    to->copy = true;
    const struct deltas d = {eip - from->eip, to->host_off - from->host_off, to->cold_off - from->cold_off};
    memcpy(e->code + to->host_off, e->code + from->host_off, from->host_len);
    memcpy(e->code + to->cold_off, e->code + from->cold_off, from->cold_len);
    e->code_used += to->host_len;
    e->cold_used += to->cold_len;
    fix_fields(e, from, to, &d);
    copy_links(e, from, to, &d, id);
    copy_ports(e, from, to, &d, id);
    block_publish(e, id);
    e->stats.copies++;
    return id;
}
