/*
 * vcpu.h: struct vcpu, the whole architectural CPU, and the operations on it
 * that the sensitive-instruction helpers, exception delivery and the run loop share.
 *
 * Private to monitor. Helpers (`mon_op_*`) follow one pattern: check privilege
 * and operands, read guest memory through mon_*_read, change state, return.
 * A fault is delivered by mon_raise, which returns BT_NEXT_EXIT.
 */
#ifndef NOVT_MONITOR_VCPU_H
#define NOVT_MONITOR_VCPU_H

#include "bt/bt.h"
#include "devemu/dev.h"
#include "monitor/crossing.h"

struct mon_model; /* cpuid.h */
struct machine;   /* machine.h */

/* CR0, CR4 bits: SDM vol. 3 "Control Registers". */
enum {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_EM = 1u << 2,
    CR0_TS = 1u << 3,
    CR0_ET = 1u << 4,
    CR0_NE = 1u << 5,
    CR0_WP = 1u << 16,
    CR0_AM = 1u << 18,
    CR0_NW = 1u << 29,
    CR0_CD = 1u << 30,
    CR0_PG = 1u << 31,
    CR4_VME = 1u << 0,
    CR4_PVI = 1u << 1,
    CR4_TSD = 1u << 2,
    CR4_DE = 1u << 3,
    CR4_PSE = 1u << 4,
    CR4_PAE = 1u << 5,
    CR4_MCE = 1u << 6,
    CR4_PGE = 1u << 7,
    CR4_PCE = 1u << 8,
    CR4_OSFXSR = 1u << 9,
    CR4_OSXMMEXCPT = 1u << 10,
};

/* Exception vectors, SDM vol. 3 "Exception and Interrupt Reference". */
enum {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

/* Last successful load of a segment register from a descriptor: the same selector at the same CPL from the same
 * descriptor bytes gives the same result, without a check. */
struct vcpu_seg_memo {
    uint32_t lo, hi;   /* descriptor bytes, Accessed bit set */
    uint16_t selector; /* 0: nothing remembered */
    uint8_t cpl;
    struct bt_seg seg;
};

struct vcpu {
    struct bt_cpu cpu; /* first: translated code and helpers see the same address */
    uint32_t cr2, cr3;
    uint32_t dr[8];
    struct vcpu_table gdt, idt;
    struct bt_seg ldtr, tr; /* attr holds the system type */
    uint64_t efer;          /* NXE only */
    uint64_t pdpte[4];
    uint32_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t apic_base, pat, mtrr_def_type, mtrr_fixed[11], mtrr_var[16], misc_enable, mcg_status;
    uint64_t tsc_hz;
    bool halted;
    bool nmi_pending, nmi_blocked, init_pending;
    bool triple_fault;
    bool debugged;     /* a debugger steps, or watches memory: instructions are looked at one by one */
    bool ignne;        /* IGNNE#: x87 errors are ignored, see ferr.c */
    bool ignne_masked; /* ignne_fcw is the guest's control word; the current instruction runs with another */
    uint16_t ignne_fcw;
    uint32_t ignne_left; /* instructions until IGNNE# is given up */
    bool ss_loaded;      /* the instruction that monitor looks at was a load of SS by MOV or POP */
    bool ss_shadow;      /* irq_shadow comes from a load of SS, which holds debug exceptions off too */
    uint32_t debug_held; /* DR6 bits of data breakpoints that such a load hit */
    uint32_t events; /* exceptions and interrupts delivered: tells an instruction that ended from one that did not */
    struct vcpu_seg_memo seg_memo[DEC_SEG_COUNT];
    struct crossings crossings;
    const struct mon_model *model;
    struct machine *machine;
};

static inline struct vcpu *vcpu_of(struct bt_cpu *c) { return (struct vcpu *)(void *)c; }

static inline bool vcpu_protected(const struct vcpu *v) { return (v->cpu.cr0 & CR0_PE) != 0; }
static inline bool vcpu_v86(const struct vcpu *v) { return (v->cpu.flags_sys & EFL_VM) != 0; }

/* ---- Power-up and INIT state, SDM vol. 3 "Processor State After Reset" ---- */
void vcpu_reset(struct vcpu *v);

/* ---- Exceptions and interrupts (exception.c): SDM vol. 3 ch. 6 ---- */
/* Delivers a fault of the current instruction (cpu.eip is its address): contributory and double-fault
 * rules, triple fault sets v->triple_fault. Always returns BT_NEXT_EXIT. */
enum bt_next mon_raise(struct vcpu *v, int vector, uint32_t error);
enum bt_next mon_raise_fault(struct vcpu *v, const struct guest_fault *f);
/* Delivers an external interrupt or NMI; cpu.eip is the interrupted boundary. */
void mon_interrupt(struct vcpu *v, int vector);
/* INT n, INT3, INTO: eip is the instruction's, next its successor. */
enum bt_next mon_software_interrupt(struct vcpu *v, int vector, uint32_t next);
/* INT1 (ICEBP): #DB as a trap, without the gate's DPL check. */
enum bt_next mon_icebp(struct vcpu *v, uint32_t next);
/* #DB after a completed instruction (trap); dr6 bits to set. */
void mon_debug_trap(struct vcpu *v, uint32_t dr6);
/* #DB before the instruction at cpu.eip (execution breakpoint). */
void mon_debug_fault(struct vcpu *v, uint32_t dr6);

/* ---- Segmented memory access by helpers (segaccess.c) ----
 * seg: enum dec_seg; checks limit, type and presence, then paging. false: *f is what to raise. */
bool mon_seg_read(struct vcpu *v, int seg, uint32_t off, void *buf, uint32_t size, struct guest_fault *f);
bool mon_seg_write(struct vcpu *v, int seg, uint32_t off, const void *buf, uint32_t size, struct guest_fault *f);
/* Operands whose alignment does not follow from their size: far pointers, pairs, state images. */
bool mon_seg_read_as(struct vcpu *v, int seg, uint32_t off, void *buf, uint32_t size, uint32_t align,
                     struct guest_fault *f);
bool mon_seg_write_as(struct vcpu *v, int seg, uint32_t off, const void *buf, uint32_t size, uint32_t align,
                      struct guest_fault *f);
/* false: the guest has alignment checks on, and this access misses its alignment (a power of 2): #AC. */
bool mon_aligned(const struct vcpu *v, uint32_t lin, uint32_t align);
/* Linear address after the segment checks only. */
bool mon_seg_check(struct vcpu *v, int seg, uint32_t off, uint32_t size, bool write, struct gva *lin,
                   struct guest_fault *f);
/* Effective address (offset) of insn's memory operand from the current registers. */
uint32_t mon_ea(const struct vcpu *v, const struct insn *insn);
/* Register access by operand size (1, 2, 4); size 1 knows AH..BH. */
uint32_t mon_get_reg(const struct vcpu *v, unsigned reg, unsigned size);
void mon_set_reg(struct vcpu *v, unsigned reg, unsigned size, uint32_t value);

/* ---- Segments (segment.c): SDM vol. 3 ch. 3 and 5 ---- */
/* Loads a data/stack segment register with all checks; false: *f. Never CS. */
bool mon_load_seg(struct vcpu *v, int seg, uint16_t selector, struct guest_fault *f);
/* Does the state still match the mode the running block was translated for? CONTINUE or EXIT with eip = next. */
enum bt_next mon_continue_or_exit(struct vcpu *v, uint32_t old_mode, uint32_t next);

/* ---- Control registers and paging (control.c) ---- */
void mon_update_paging(struct vcpu *v, bool flush_global); /* hands cr0/3/4, efer, pdpte to shadowmmu */

/* ---- Model, MSRs and time ---- */
uint64_t mon_guest_tsc(const struct vcpu *v);
/* How long until RDTSC gives at least tsc; 0: it does. A very long time is cut to one of 34 years. */
uint64_t mon_ns_until_tsc(const struct vcpu *v, uint64_t tsc);
/* Constant between two writes of MSRs. */
void mon_cpuid(struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
bool mon_cpuid_has_subleaves(const struct vcpu *v, uint32_t leaf);

/* ---- Services of the machine (machine.c) ---- */
uint32_t mon_io_read(struct vcpu *v, uint16_t port, unsigned size); /* parks the FPU if the device needs it */
void mon_io_write(struct vcpu *v, uint16_t port, unsigned size, uint32_t value);
/* A fault is about to be delivered: for whoever watches. */
void mon_note_fault(struct vcpu *v, const struct guest_fault *f);
void mon_set_apic_base(struct vcpu *v, uint64_t value);
uint64_t mon_tsc_deadline(struct vcpu *v); /* IA32_TSC_DEADLINE, which is the local APIC's */
void mon_set_tsc_deadline(struct vcpu *v, uint64_t tsc);
void mon_tsc_changed(struct vcpu *v);            /* other than by time */
void mon_fpu_error(struct vcpu *v, bool active); /* FERR# to IRQ 13 where CR0.NE is clear */

extern bt_op_fn *const mon_ops[BT_OP_COUNT];
#endif
