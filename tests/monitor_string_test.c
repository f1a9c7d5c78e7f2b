/* monitor_string_test.c: string instructions against a byte-by-byte reference, precise faults, bounded work, INS/OUTS.
 */
#include "monitor_cpu_fixture.h"
#include "monitor/control.h"

enum { AREA = 0x100000, AREA_BYTES = 0x8000 };
static uint8_t shadow[AREA_BYTES];

static uint32_t seed = 1;
static uint32_t next_random(void) {
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void fill(void) {
    for (unsigned i = 0; i < AREA_BYTES; i++) shadow[i] = (uint8_t)next_random();
    smmu_mem_write(machine->mem, gpa(AREA), shadow, AREA_BYTES);
}

static void assert_same_memory(void) {
    uint8_t now[AREA_BYTES];
    smmu_mem_read(machine->mem, gpa(AREA), now, AREA_BYTES);
    assert_memory_equal(now, shadow, AREA_BYTES);
}

/* Runs until the instruction is done; how many calls it took. */
static unsigned run_all(const uint8_t *bytes, unsigned len) {
    unsigned calls = 1;
    while (run_bytes(bytes, len) == BT_NEXT_EXIT) assert_true(++calls < 1000);
    return calls;
}

static void movs_like_reference(void **state) {
    (void)state;
    enter_protected(0);
    for (int round = 0; round < 600; round++) {
        unsigned width = 1u << next_random() % 3, count = next_random() % (round % 8 ? 64 : 2048);
        bool down = round % 5 == 0;
        uint32_t reach = count * width, src = 0x2000 + next_random() % 0x2000, dst = 0x2000 + next_random() % 0x2000;
        if (round % 3 == 0) dst = src + next_random() % 16; /* overlapping */
        if (!down && round % 4 == 0) src -= reach / 2;
        fill();
        v->cpu.gpr[DEC_ESI] = AREA + src, v->cpu.gpr[DEC_EDI] = AREA + dst, v->cpu.gpr[DEC_ECX] = count;
        v->cpu.flags_host = down ? DEC_DF : 0;
        for (unsigned i = 0; i < count; i++) {
            int32_t at = (int32_t)(i * width) * (down ? -1 : 1);
            memmove(&shadow[(int32_t)dst + at], &shadow[(int32_t)src + at], width);
        }
        if (width == 2)
            run_all((const uint8_t[]){0xF3, 0x66, 0xA5}, 3);
        else
            run_all((const uint8_t[]){0xF3, width == 1 ? 0xA4 : 0xA5}, 2);
        assert_int_equal(v->cpu.gpr[DEC_ECX], 0);
        assert_int_equal(v->cpu.gpr[DEC_ESI], AREA + src + (down ? -reach : reach));
        assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + dst + (down ? -reach : reach));
        assert_same_memory();
    }
}

static void stos_lods(void **state) {
    (void)state;
    enter_protected(0);
    fill();
    v->cpu.gpr[DEC_EAX] = 0xA1B2C3D4, v->cpu.gpr[DEC_EDI] = AREA + 0xFFD, v->cpu.gpr[DEC_ECX] = 700;
    for (unsigned i = 0; i < 700; i++) memcpy(&shadow[0xFFD + 4 * i], &v->cpu.gpr[DEC_EAX], 4);
    run_all((const uint8_t[]){0xF3, 0xAB}, 2);
    assert_same_memory();
    v->cpu.gpr[DEC_ESI] = AREA + 0xFFD;
    v->cpu.gpr[DEC_EAX] = 0;
    RUN(0xAC);
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0xD4);
}

static void work_is_bounded(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EDI] = AREA, v->cpu.gpr[DEC_ECX] = 200000, v->cpu.gpr[DEC_EAX] = 0;
    assert_int_equal(RUN(0xF3, 0xAA), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, CODE + 0x100);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 200000 - 65536);
    assert_int_equal(run_all((const uint8_t[]){0xF3, 0xAA}, 2), 3);
}

static void sixteen_bit_addresses_wrap(void **state) {
    (void)state;
    enter_real();
    v->cpu.seg[DEC_DS].base = AREA, v->cpu.seg[DEC_ES].base = AREA + 0x20000;
    for (unsigned i = 0; i < 0x10000; i += 4) poke(AREA + i, i * 0x9E3779B1u, 4);
    v->cpu.gpr[DEC_ESI] = 0xAAAAFFF0, v->cpu.gpr[DEC_EDI] = 0xBBBB0000, v->cpu.gpr[DEC_ECX] = 0xCCCC0020;
    run_all((const uint8_t[]){0xF3, 0xA4}, 2);
    assert_int_equal(v->cpu.gpr[DEC_ESI], 0xAAAA0010);
    assert_int_equal(v->cpu.gpr[DEC_EDI], 0xBBBB0020);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 0xCCCC0000);
    assert_int_equal(peek(AREA + 0x20000, 4), peek(AREA + 0xFFF0, 4));
    assert_int_equal(peek(AREA + 0x20010, 4), peek(AREA, 4));
}

static void segment_override_and_limit(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    v->cpu.seg[DEC_FS] = (struct bt_seg){.base = AREA, .limit = 0x1F, .selector = FREE, .attr = 0x4093};
    v->cpu.gpr[DEC_ESI] = 0x10, v->cpu.gpr[DEC_EDI] = AREA + 0x4000, v->cpu.gpr[DEC_ECX] = 8;
    RUN(0xF3, 0x64, 0xA5);
    assert_fault(VEC_GP, 0);
    assert_int_equal(frame(1), CODE + 0x100);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 4); /* four dwords fit */
    assert_int_equal(v->cpu.gpr[DEC_ESI], 0x20);
    assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + 0x4010);
}

/* Paging on, the second destination page absent: the fault comes at its first element. */
static void page_fault_in_the_middle(void **state) {
    (void)state;
    enum { PD = 0x200000, PT = 0x201000 };
    struct guest_fault fault;
    enter_protected(0);
    idt_all(0x8E);
    poke(PD, PT | 3, 4);
    for (unsigned i = 0; i < 1024; i++) poke(PT + 4 * i, i * 4096 | 3, 4);
    poke(PT + 4 * ((AREA >> 12) + 1), 0, 4);
    v->cr3 = PD;
    assert_true(mon_set_cr0(v, v->cpu.cr0 | CR0_PG, &fault));
    v->cpu.gpr[DEC_EDI] = AREA + 0xF02, v->cpu.gpr[DEC_ECX] = 0x1000;
    RUN(0xF3, 0xAB);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_PF);
    assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + 0xFFE);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 0x1000 - 63);
    assert_int_equal(v->cr2, AREA + 0x1000);
}

static void compare_flags_all_bytes(void **state) {
    (void)state;
    enter_protected(0);
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            uint64_t host;
            poke(AREA, b, 1);
            v->cpu.gpr[DEC_EAX] = a, v->cpu.gpr[DEC_EDI] = AREA;
            RUN(0xAE); /* scasb */
            __asm__ volatile("add $-128, %%rsp\n\tcmpb %2, %1\n\tpushfq\n\tpop %0\n\tsub $-128, %%rsp"
                             : "=r"(host)
                             : "q"((uint8_t)a), "q"((uint8_t)b)
                             : "cc");
            assert_int_equal(v->cpu.flags_host, host & DEC_ARITH);
        }
}

static void scan_loops(void **state) {
    (void)state;
    enter_protected(0);
    static const char text[] = "hello, world";
    smmu_mem_write(machine->mem, gpa(AREA), text, sizeof text);
    smmu_mem_write(machine->mem, gpa(AREA + 0x100), "hello, World", sizeof text);
    v->cpu.gpr[DEC_EAX] = 0, v->cpu.gpr[DEC_EDI] = AREA, v->cpu.gpr[DEC_ECX] = UINT32_MAX;
    run_all((const uint8_t[]){0xF2, 0xAE}, 2);
    assert_int_equal(~v->cpu.gpr[DEC_ECX], sizeof text);
    v->cpu.gpr[DEC_ESI] = AREA, v->cpu.gpr[DEC_EDI] = AREA + 0x100, v->cpu.gpr[DEC_ECX] = sizeof text;
    run_all((const uint8_t[]){0xF3, 0xA6}, 2);
    assert_int_equal(v->cpu.gpr[DEC_ESI], AREA + 8);
    assert_false(v->cpu.flags_host & (DEC_ZF | DEC_CF)); /* 'w' > 'W' */
    v->cpu.flags_host = DEC_ZF;
    v->cpu.gpr[DEC_ECX] = 0; /* no iteration: flags stay */
    RUN(0xF3, 0xA6);
    assert_int_equal(v->cpu.flags_host, DEC_ZF);
}

/* ---- Port strings ---- */

static uint32_t port_reads, port_last;
static unsigned raise_at, noted;
static uint32_t notes[4096];
static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    if (port_reads + 1 == raise_at) v->cpu.intr = true;
    return 0x1000 + port_reads++;
}
static void port_note(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)opaque, (void)port, (void)size;
    notes[noted++] = value;
}
static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)opaque, (void)port, (void)size;
    port_last = value;
}

static void ins_outs(void **state) {
    (void)state;
    static const struct dev_io_ops ops = {.name = "test", .read = port_read, .write = port_write};
    enter_protected(0);
    idt_all(0x8E);
    dev_io_map(machine->io, 0x1F0, 8, &ops, NULL);
    port_reads = 0;
    v->cpu.gpr[DEC_EDX] = 0x1F0, v->cpu.gpr[DEC_EDI] = AREA, v->cpu.gpr[DEC_ECX] = 256;
    run_all((const uint8_t[]){0xF3, 0x66, 0x6D}, 3);
    assert_int_equal(port_reads, 256);
    assert_int_equal(peek(AREA + 510, 2), 0x10FF);
    v->cpu.gpr[DEC_ESI] = AREA + 2, v->cpu.gpr[DEC_ECX] = 3;
    RUN(0xF3, 0x66, 0x6F);
    assert_int_equal(port_last, 0x1003);
    /* A fault on the destination must not read the port. */
    v->cpu.seg[DEC_ES].limit = 0xFFF, v->cpu.gpr[DEC_EDI] = AREA, v->cpu.gpr[DEC_ECX] = 1;
    RUN(0xF3, 0x6D);
    assert_fault(VEC_GP, 0);
    assert_int_equal(port_reads, 256);
    /* An interrupt is taken between two iterations. */
    enter_protected(0);
    v->cpu.intr = true, v->cpu.flags_if = EFL_IF;
    v->cpu.gpr[DEC_EDX] = 0x1F0, v->cpu.gpr[DEC_EDI] = AREA, v->cpu.gpr[DEC_ECX] = 10;
    assert_int_equal(RUN(0xF3, 0x6D), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 9);
    assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + 4);
    /* So is one that the port raises in a run of elements. */
    v->cpu.intr = false, raise_at = port_reads + 5;
    assert_int_equal(RUN(0xF3, 0x6D), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 4);
    assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + 24);
    assert_int_equal(port_reads, raise_at);
}

/* Any width, direction and place, against the elements one by one; work per call is bounded. */
static void ins_outs_like_reference(void **state) {
    (void)state;
    static const struct dev_io_ops ops = {.name = "test", .read = port_read, .write = port_note};
    enter_protected(0);
    dev_io_map(machine->io, 0x1F0, 8, &ops, NULL);
    v->cpu.gpr[DEC_EDX] = 0x1F0;
    for (int round = 0; round < 400; round++) {
        unsigned width = 1u << next_random() % 3, count = next_random() % (round % 8 ? 64 : 3000);
        bool down = round % 5 == 0, in = round % 2;
        uint32_t at = down ? 0x7000 - next_random() % 0x800 : 0x0800 + next_random() % 0x1000;
        uint32_t end = at + (down ? -count * width : count * width);
        fill();
        port_reads = 0, noted = 0;
        v->cpu.gpr[in ? DEC_EDI : DEC_ESI] = AREA + at, v->cpu.gpr[DEC_ECX] = count;
        v->cpu.flags_host = down ? DEC_DF : 0;
        for (unsigned i = 0; in && i < count; i++) {
            uint32_t value = 0x1000 + i;
            memcpy(&shadow[down ? at - i * width : at + i * width], &value, width);
        }
        uint8_t opcode = (uint8_t)((in ? 0x6C : 0x6E) + (width > 1));
        unsigned calls = width == 2 ? run_all((const uint8_t[]){0xF3, 0x66, opcode}, 3)
                                    : run_all((const uint8_t[]){0xF3, opcode}, 2);
        assert_int_equal(calls, count > 2048 ? 2 : 1);
        assert_int_equal(v->cpu.gpr[DEC_ECX], 0);
        assert_int_equal(v->cpu.gpr[in ? DEC_EDI : DEC_ESI], AREA + end);
        assert_same_memory();
        assert_int_equal(in ? port_reads : noted, count);
        for (unsigned i = 0; !in && i < count; i++)
            assert_memory_equal(&notes[i], &shadow[down ? at - i * width : at + i * width], width);
    }
}

/* The second page may not be written: its first element faults, and the port has not been read for it. */
static void ins_faults_in_the_middle(void **state) {
    (void)state;
    enum { PD = 0x200000, PT = 0x201000 };
    static const struct dev_io_ops ops = {.name = "test", .read = port_read, .write = port_write};
    struct guest_fault fault;
    enter_protected(0);
    idt_all(0x8E);
    poke(PD, PT | 3, 4);
    for (unsigned i = 0; i < 1024; i++) poke(PT + 4 * i, i * 4096 | 3, 4);
    poke(PT + 4 * ((AREA >> 12) + 1), 0, 4);
    v->cr3 = PD;
    assert_true(mon_set_cr0(v, v->cpu.cr0 | CR0_PG, &fault));
    dev_io_map(machine->io, 0x1F0, 8, &ops, NULL);
    port_reads = 0;
    v->cpu.gpr[DEC_EDX] = 0x1F0, v->cpu.gpr[DEC_EDI] = AREA + 0xFC2, v->cpu.gpr[DEC_ECX] = 256;
    RUN(0xF3, 0x6D);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_PF);
    assert_int_equal(v->cr2, AREA + 0x1000);
    assert_int_equal(v->cpu.gpr[DEC_EDI], AREA + 0xFFE);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 256 - 15);
    assert_int_equal(port_reads, 15);
}

static void gate_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)opaque, (void)port, (void)size;
    smmu_set_a20(machine->smmu, value & 1);
    noted++;
}

/* An OUT that changes the memory map leaves translated code; a run of OUTS reads on in the new map. */
static void out_leaves_when_the_map_changes(void **state) {
    (void)state;
    static const struct dev_io_ops ops = {.name = "gate", .read = port_read, .write = gate_write};
    enter_protected(0);
    dev_io_map(machine->io, 0xEE, 1, &ops, NULL);
    uint32_t start = v->cpu.eip;
    v->cpu.gpr[DEC_EAX] = 1;
    assert_int_equal(RUN(0xE6, 0xEE), BT_NEXT_CONTINUE);
    v->cpu.gpr[DEC_EAX] = 0;
    assert_int_equal(RUN(0xE6, 0xEE), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, start + 2);
    v->cpu.gpr[DEC_EAX] = 1;
    assert_int_equal(RUN(0xE6, 0xEE), BT_NEXT_EXIT);
    v->cpu.eip = start;
    poke(AREA, 0x00010001, 4); /* odd megabyte: from the third element on, bytes come from below */
    poke(AREA - 0x100000, 0x01000000, 4);
    v->cpu.gpr[DEC_EDX] = 0xEE, v->cpu.gpr[DEC_ESI] = AREA, v->cpu.gpr[DEC_ECX] = 4, noted = 0;
    assert_int_equal(RUN(0xF3, 0x6E), BT_NEXT_EXIT);
    assert_int_equal(noted, 2);
    assert_int_equal(v->cpu.eip, start);
    assert_int_equal(RUN(0xF3, 0x6E), BT_NEXT_EXIT);
    assert_int_equal(noted, 4);
    assert_int_equal(v->cpu.gpr[DEC_ECX], 0);
    assert_int_equal(v->cpu.eip, start + 2);
    assert_true(smmu_a20(machine->smmu));
    v->cpu.eip = start, v->cpu.gpr[DEC_ESI] = AREA + 1;
    assert_int_equal(RUN(0x6E), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, start + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(movs_like_reference),
        CPU_TEST(stos_lods),
        CPU_TEST(work_is_bounded),
        CPU_TEST(sixteen_bit_addresses_wrap),
        CPU_TEST(segment_override_and_limit),
        CPU_TEST(page_fault_in_the_middle),
        CPU_TEST(compare_flags_all_bytes),
        CPU_TEST(scan_loops),
        CPU_TEST(ins_outs),
        CPU_TEST(ins_outs_like_reference),
        CPU_TEST(ins_faults_in_the_middle),
        CPU_TEST(out_leaves_when_the_map_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
