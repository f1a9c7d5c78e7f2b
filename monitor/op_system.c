/*
 * op_system.c: identification, model-specific registers, counters, random numbers.
 *
 * Manual: SDM vol. 2 "CPUID", "RDMSR", "WRMSR", "RDTSC", "RDTSCP", "RDPMC", "RDRAND", "RDSEED".
 */
#include "monitor/hostsys.h"
#include "monitor/msr.h"
#include "monitor/ops.h"

enum { MSR_APIC_BASE = 0x1B, MSR_TSC_DEADLINE = 0x6E0, MSR_EFER = 0xC0000080u };

static void set_edx_eax(struct bt_cpu *cpu, uint64_t value) {
    cpu->gpr[DEC_EAX] = (uint32_t)value;
    cpu->gpr[DEC_EDX] = (uint32_t)(value >> 32);
}

enum bt_next mon_op_cpuid(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t out[4];
    (void)insn;
    mon_cpuid(vcpu_of(cpu), cpu->gpr[DEC_EAX], cpu->gpr[DEC_ECX], out);
    if (!mon_cpuid_has_subleaves(vcpu_of(cpu), cpu->gpr[DEC_EAX])) bt_cpuid_known(cpu, cpu->gpr[DEC_EAX], out);
    cpu->gpr[DEC_EAX] = out[0];
    cpu->gpr[DEC_EBX] = out[1];
    cpu->gpr[DEC_ECX] = out[2];
    cpu->gpr[DEC_EDX] = out[3];
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_rdmsr(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    uint64_t value;
    (void)insn;
    if (cpu->cpl != 0 || !mon_msr_read(v, cpu->gpr[DEC_ECX], &value)) return op_gp0(v);
    set_edx_eax(cpu, value);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_wrmsr(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    uint32_t index = cpu->gpr[DEC_ECX];
    uint64_t value = (uint64_t)cpu->gpr[DEC_EDX] << 32 | cpu->gpr[DEC_EAX];
    if (cpu->cpl != 0 || !mon_msr_write(v, index, value)) return op_gp0(v);
    if (index != MSR_TSC_DEADLINE) bt_msrs_changed(cpu); /* that one is written at every tick */
    /* These two change how memory is reached. */
    if (index == MSR_EFER || index == MSR_APIC_BASE) return op_exit_at(v, op_next(v, insn));
    return BT_NEXT_CONTINUE;
}

static bool tsc_denied(const struct bt_cpu *cpu) { return cpu->cr4 & CR4_TSD && cpu->cpl != 0; }

enum bt_next mon_op_rdtsc(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    (void)insn;
    if (tsc_denied(cpu)) return op_gp0(v);
    set_edx_eax(cpu, mon_guest_tsc(v));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_rdtscp(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    (void)insn;
    if (tsc_denied(cpu)) return op_gp0(v);
    set_edx_eax(cpu, mon_guest_tsc(v));
    cpu->gpr[DEC_ECX] = 0; /* IA32_TSC_AUX */
    return BT_NEXT_CONTINUE;
}

/* No model has a performance counter, so every counter number is invalid. */
enum bt_next mon_op_rdpmc(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    return op_gp0(vcpu_of(cpu));
}

/* RDRAND and RDSEED on a host without them: from its kernel. CF says whether there was a value, which else is 0. */
enum bt_next mon_op_random(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t value = 0;
    bool got = hostsys_random_now(&value, sizeof value) == (long)sizeof value;
    mon_set_reg(vcpu_of(cpu), insn->rm, insn->op_size, got ? value : 0);
    cpu->flags_host = (cpu->flags_host & ~(uint32_t)DEC_ARITH) | (got ? DEC_CF : 0);
    return BT_NEXT_CONTINUE;
}
