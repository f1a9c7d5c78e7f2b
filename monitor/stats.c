/*
 * stats.c: the --stats report: counters of the run loop, the engine and
 * shadowmmu as one aligned table on stderr. Times are real time.
 */
#include <inttypes.h>
#include <stdio.h>
#include "monitor/machine.h"

static void head(const char *title) { fprintf(stderr, "%s\n", title); }
static void row(const char *name, uint64_t value) { fprintf(stderr, "  %-28s %16" PRIu64 "\n", name, value); }

/* name a/b as a ratio with two decimals, in integers. */
static void row_ratio(const char *name, uint64_t a, uint64_t b) {
    if (!b) return;
    uint64_t hundredths = a * 100 / b;
    fprintf(stderr, "  %-28s %13" PRIu64 ".%02" PRIu64 "\n", name, hundredths / 100, hundredths % 100);
}

static void print_machine(const struct machine *m) {
    const struct machine_stats *s = &m->stats;
    head("machine");
    row("run time us", s->run_ns / 1000);
    row("halted us", machine_halted_ns(m) / 1000);
    row("halts", s->halts);
    row("interrupts", s->interrupts);
    row("nmis", s->nmis);
    row("faults delivered", s->faults);
    row("port reads", s->io_reads);
    row("port writes", s->io_writes);
    row("timers fired", m->clock.fired + m->real.fired);
    row("resets", s->resets);
    row("exits op", s->exits[BT_EXIT_OP]);
    row("exits poll", s->exits[BT_EXIT_POLL]);
    row("exits exception", s->exits[BT_EXIT_EXCEPTION]);
    row("exits step", s->exits[BT_EXIT_STEP]);
    row("tsc hz", m->vcpu.tsc_hz);
}

static uint64_t total_callouts(const struct bt_stats *s) {
    uint64_t sum = 0;
    for (int i = 0; i < BT_OP_COUNT; i++) sum += s->callouts[i];
    return sum;
}

/* By instruction, most frequent first. */
static void print_callouts(const struct bt_stats *s) {
    bool done[BT_OP_COUNT] = {false};
    head("callouts");
    for (;;) {
        int top = -1;
        for (int i = 0; i < BT_OP_COUNT; i++)
            if (!done[i] && s->callouts[i] && (top < 0 || s->callouts[i] > s->callouts[top])) top = i;
        if (top < 0) return;
        done[top] = true;
        row(bt_op_name((enum bt_op)top), s->callouts[top]);
    }
}

static void print_engine(const struct bt_stats *s) {
    head("translator");
    row("blocks", s->blocks);
    row("guest instructions", s->insns);
    row("host bytes", s->host_bytes);
    row_ratio("host bytes / instruction", s->host_bytes, s->insns);
    row("translation cycles", s->translate_cycles);
    row_ratio("translation cycles / instruction", s->translate_cycles, s->insns);
    row("blocks copied", s->copies);
    row("direct translations", s->translations_direct);
    row("address spaces grown up", s->matured);
    row("of them at once", s->foreseen);
    row("demotions", s->demotions);
    row("flushes", s->flushes);
    row("chains", s->chains);
    row("unchains", s->unchains);
    row("cache used", s->cache_used);
    row("cache committed", s->cache_committed);
    row("callouts", total_callouts(s));
    row("leaves op", s->exits_op);
    row("leaves link", s->exits_link);
    row("leaves indirect", s->exits_indirect);
    row("leaves poll", s->exits_poll);
    row("leaves fault", s->exits_fault);
    row("slow accesses", s->slow_accesses);
    row("tlb misses", s->tlb_misses);
    row("direct faults", s->direct_faults);
    row("code writes", s->smc_writes);
    row("blocks lost to code writes", s->smc_blocks);
    row("return stack resets", s->ras_resets);
    row("check faults", s->check_faults);
}

static void print_mmu(const struct smmu_stats *s) {
    head("mmu");
    row("walks", s->walks);
    row("tlb read fills", s->tlb_fills_read);
    row("tlb write fills", s->tlb_fills_write);
    row("code fills", s->code_fills);
    row("tlb flushes", s->tlb_flushes);
    row("invlpg", s->invlpgs);
    row("hidden faults", s->hidden_faults);
    row("true faults", s->true_faults);
    row("checked faults", s->checked_faults);
    row("view maps", s->view_maps);
    row("view pages mapped", s->view_mapped_pages);
    row("view unmaps", s->view_unmaps);
    row("view protects", s->view_protects);
    row("view evictions", s->view_evictions);
    row("moves to the low window", s->low_moves);
    row("view switches", s->view_switches);
    row("view pages revalidated", s->view_revalidated_pages);
    row("view pages dropped", s->view_dropped);
    row("vmas", s->vmas);
    row("views", s->views);
}

void stats_print(struct machine *m) {
    struct bt_stats engine;
    struct smmu_stats mmu;
    bt_get_stats(m->engine, &engine);
    smmu_get_stats(m->smmu, &mmu);
    print_machine(m);
    print_engine(&engine);
    print_callouts(&engine);
    print_mmu(&mmu);
}
