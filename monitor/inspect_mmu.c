/* inspect_mmu.c: the shadow MMU's state, as shadowmmu/inspect.h has it. */
#include "monitor/inspect_cache.h"
#include "monitor/inspect_internal.h"

static bool do_walk(struct machine *m, void *args, struct letter *l) {
    (void)l;
    smmu_inspect_walk(m->smmu, args);
    return true;
}
enum mon_ask mon_ask_mmu_walk(struct machine *m, struct smmu_inspect_walk *w) {
    return inspect_ask(m, do_walk, w, sizeof *w);
}

static bool do_views(struct machine *m, void *args, struct letter *l) {
    (void)l;
    smmu_inspect_views(m->smmu, args);
    return true;
}
enum mon_ask mon_ask_mmu_views(struct machine *m, struct smmu_inspect_views *v) {
    return inspect_ask(m, do_views, v, sizeof *v);
}

static bool do_runs(struct machine *m, void *args, struct letter *l) {
    (void)l;
    smmu_inspect_runs(m->smmu, args);
    return true;
}
enum mon_ask mon_ask_mmu_runs(struct machine *m, struct smmu_inspect_runs *r) {
    return inspect_ask(m, do_runs, r, sizeof *r);
}

static bool do_diff(struct machine *m, void *args, struct letter *l) {
    (void)l;
    smmu_inspect_diff(m->smmu, args);
    return true;
}
enum mon_ask mon_ask_mmu_diff(struct machine *m, struct smmu_inspect_diff *d) {
    return inspect_ask(m, do_diff, d, sizeof *d);
}
