/*
 * foresight.c: which processes come of age at once.
 *
 * A process that will live long enough to earn direct accesses pays for its youth: slow checked code, and copies of it
 * that are made once more in the other form. How long it will live is guessed from the others that began in the same
 * frame of code: the entry of a program or of its loader, or where a fork comes back. Of those that are expected to
 * grow up one in eight is left young all the same, so that the guess is put to the test.
 */
#include "bt/bt_internal.h"

enum { LEAST = 4, TEST_EACH = 8, MOST = 64 };

static struct origin *origin_of(struct bt_engine *e, uint32_t frame) {
    struct origin *o = &e->origin[frame % ORIGINS];
    if (o->frame != frame) *o = (struct origin){.frame = frame};
    return o;
}

static bool will_grow(struct origin *o) {
    if (o->begun < LEAST || o->grown * 4u < o->begun * 3u) return false;
    return o->expected++ % TEST_EACH != TEST_EACH - 1;
}

static void count_one(struct origin *o) {
    if (++o->begun < MOST) return;
    o->begun /= 2;
    o->grown /= 2;
}

void foresee(struct bt_engine *e) {
    struct guest_fault ignored;
    uint32_t frame;
    struct gva at = gva(e->cpu->seg[DEC_CS].base + e->cpu->eip);
    if (e->cfg.no_foresight || !smmu_space_is_new(e->smmu)) return;
    if (smmu_code_fill(e->smmu, true, at, &frame, &ignored) != SMMU_FILL_OK) return; /* its first page fault */
    struct origin *o = origin_of(e, frame);
    smmu_space_set_origin(e->smmu, frame);
    if (!will_grow(o)) {
        count_one(o);
        return;
    }
    if (!adapt_grow(e, GROW_AT_ONCE)) return;
    e->stats.foreseen++;
    smmu_space_settle(e->smmu);
}

void foresight_grown(struct bt_engine *e) {
    struct origin *o = &e->origin[smmu_space_origin(e->smmu) % ORIGINS];
    if (o->frame == smmu_space_origin(e->smmu) && o->grown < o->begun) o->grown++;
}
