/* inspect_stats.c: counters of the run loop, the engine and shadowmmu, by name. */
#include <string.h>
#include "monitor/inspect_internal.h"

struct writer {
    struct mon_counters *to;
    const char *group;
};

static void put(struct writer *w, const char *name, uint64_t value) {
    if (w->to->n < MON_COUNTERS) w->to->counter[w->to->n++] = (struct mon_counter){w->group, name, value};
}

static void machine(struct writer *w, const struct machine *m) {
    const struct machine_stats *s = &m->stats;
    w->group = "machine";
    put(w, "guest-ns", clock_now(&m->clock));
    put(w, "halted-ns", machine_halted_ns(m));
    put(w, "halts", s->halts);
    put(w, "interrupts", s->interrupts);
    put(w, "nmis", s->nmis);
    put(w, "faults", s->faults);
    put(w, "port-reads", s->io_reads);
    put(w, "port-writes", s->io_writes);
    put(w, "timers", m->clock.fired);
    put(w, "resets", s->resets);
    put(w, "exits-op", s->exits[BT_EXIT_OP]);
    put(w, "exits-poll", s->exits[BT_EXIT_POLL]);
    put(w, "exits-exception", s->exits[BT_EXIT_EXCEPTION]);
    put(w, "exits-step", s->exits[BT_EXIT_STEP]);
}

static void translator(struct writer *w, const struct bt_stats *s, bool counting, uint64_t executed) {
    uint64_t callouts = 0;
    for (int i = 0; i < BT_OP_COUNT; i++) callouts += s->callouts[i];
    w->group = "translator";
    put(w, "blocks", s->blocks);
    put(w, "instructions", s->insns);
    put(w, "host-bytes", s->host_bytes);
    put(w, "cycles", s->translate_cycles);
    put(w, "direct-translations", s->translations_direct);
    put(w, "blocks-copied", s->copies);
    put(w, "spaces-grown-up", s->matured);
    put(w, "spaces-foreseen", s->foreseen);
    put(w, "demotions", s->demotions);
    put(w, "flushes", s->flushes);
    put(w, "chains", s->chains);
    put(w, "unchains", s->unchains);
    put(w, "cache-used", s->cache_used);
    put(w, "cache-committed", s->cache_committed);
    put(w, "callouts", callouts);
    put(w, "slow-accesses", s->slow_accesses);
    put(w, "tlb-misses", s->tlb_misses);
    put(w, "direct-faults", s->direct_faults);
    put(w, "code-writes", s->smc_writes);
    put(w, "code-writes-blocks", s->smc_blocks);
    put(w, "return-stack-resets", s->ras_resets);
    if (counting) put(w, "instructions-executed", executed);
    put(w, "check-faults", s->check_faults);
}

static void mmu(struct writer *w, const struct smmu_stats *s) {
    w->group = "mmu";
    put(w, "walks", s->walks);
    put(w, "tlb-fills", s->tlb_fills_read + s->tlb_fills_write);
    put(w, "code-fills", s->code_fills);
    put(w, "tlb-flushes", s->tlb_flushes);
    put(w, "invlpg", s->invlpgs);
    put(w, "hidden-faults", s->hidden_faults);
    put(w, "true-faults", s->true_faults);
    put(w, "checked-faults", s->checked_faults);
    put(w, "view-maps", s->view_maps);
    put(w, "view-pages-mapped", s->view_mapped_pages);
    put(w, "view-unmaps", s->view_unmaps);
    put(w, "view-evictions", s->view_evictions);
    put(w, "low-moves", s->low_moves);
    put(w, "view-switches", s->view_switches);
    put(w, "view-pages-dropped", s->view_dropped);
    put(w, "vmas", s->vmas);
    put(w, "views", s->views);
}

static bool do_counters(struct machine *m, void *args, struct letter *l) {
    struct writer w = {.to = args};
    struct bt_stats engine;
    struct smmu_stats paging;
    (void)l;
    bt_get_stats(m->engine, &engine);
    smmu_get_stats(m->smmu, &paging);
    w.to->n = 0;
    machine(&w, m);
    translator(&w, &engine, bt_counts(m->engine), m->vcpu.cpu.p.insns);
    mmu(&w, &paging);
    return true;
}

enum mon_ask mon_ask_counters(struct machine *m, struct mon_counters *out) {
    return inspect_ask(m, do_counters, out, sizeof *out);
}
