/* decoder_prefix_test.c: LOCK, many prefixes, lengths, and where in the instruction its parts are. */
#include "decoder_rows.h"

static const struct row locked[] = {
    {32, "f087c0", "2 ud"},
    {32, "f06687c8", "3 ud"},
    {32, "f00fc7c9", "3 ud"},
    {32, "f01118", "3 plain adc [ds:eax+0]4rw >C =CPAZSO ax,bx"},
    {32, "f0ff00", "3 plain inc [ds:eax+0]4rw =PAZSO ax"},
    {32, "f0f718", "3 plain neg [ds:eax+0]4rw =CPAZSO ax"},
    {32, "f0a100000000", "2 ud"},
    {32, "f08703", "3 plain xchg [ds:ebx+0]4rw ax,bx"},
    {32, "f00fb10b", "4 plain cmpxchg [ds:ebx+0]4rw =CPAZSO ax,cx,bx"},
    {32, "f00fc103", "4 plain xadd [ds:ebx+0]4rw =CPAZSO ax,bx"},
    {32, "f00fc70b", "4 plain cmpxchg8b [ds:ebx+0]8rw =Z ax,cx,dx,bx"},
    {32, "f00fc7f0", "3 ud"},
    {32, "f0660fc7f8", "4 ud"},
    {32, "f090", "2 ud"},
    {32, "f0a4", "2 ud"},
    {32, "f089c8", "2 ud"},
    {32, "f001c8", "2 ud"},
    {32, "f08903", "2 ud"},
    {32, "f00fa303", "3 ud"},
    {32, "f00fab03", "4 plain bts [ds:ebx+0]4rw =C ax,bx"},
    {32, "f00fba2005", "3 ud"},
    {32, "f00fba3805", "5 plain btc [ds:eax+0]4rw $5 =C ax"},
    {32, "f0f713", "3 plain not [ds:ebx+0]4rw bx"},
    {32, "f08803", "2 ud"},
    {32, "f0d103", "2 ud"},
    {32, "f0c9", "2 ud"},
    {32, "f0cf", "2 ud"},
    {32, "f03900", "2 ud"},
    {32, "f08500", "2 ud"},
    {32, "f0f30fb10b", "5 plain cmpxchg [ds:ebx+0]4rw =CPAZSO ax,cx,bx"},
};

static void test_lock(void **state) {
    (void)state;
    CHECK_ROWS(locked);
}

static const struct row lengths[] = {
    {32, "0f", "need more"},
    {32, "66", "need more"},
    {32, "c4c0", "need more"},
    {32, "0fb9", "need more"},
    {32, "8b05", "need more"},
    {32, "8a24", "need more"},
    {32, "36", "need more"},
    {32, "0f9405", "need more"},
    {32, "ff1485", "need more"},
    {32, "62c0", "need more"},
    {32, "c4e2", "need more"},
    {32, "0fff05", "need more"},
    {32, "660f3a6300", "need more"},
    {32, "f0f703", "need more"},
    {32, "f0f2", "need more"},
    {32, "6666669066", "4 plain nop o16"},
    {32, "666666666666666690", "9 plain nop o16"},
    {32, "2e2e2e2e2e2e2e8b00", "9 plain mov [cs:eax+0]4r ax"},
    {32, "262626262626262626262626262626", "15 too-long"},
    {32, "262626262626262626262626268b00", "15 plain mov [es:eax+0]4r ax"},
    {32, "2626262626262626262626268b0500", "15 too-long"},
    {32, "666666666666666666666666666666", "15 too-long"},
    {32, "f3f3f3f3f3f3f3f3f3f3f3f3f3f3a4", "15 string movsb >D cx,si,di b"},
    {32, "262626262626262626262626260f04", "15 ud"},
};

static void test_lengths(void **state) {
    (void)state;
    CHECK_ROWS(lengths);
}

/* The fields that the rows do not show: prefixes and offsets. */
static void test_offsets(void **state) {
    static const uint8_t bytes[] = {0xf3, 0x65, 0x26, 0x66, 0x0f, 0x38, 0xf1, 0x44, 0x8b, 0x10};
    static const uint8_t enter[] = {0xc8, 0x34, 0x12, 0x05};
    static const uint8_t add[] = {0xf0, 0x66, 0x67, 0x81, 0x46, 0x10, 0xfe, 0xff};
    struct insn in;
    (void)state;
    assert_int_equal(dec_insn(add, sizeof(add), true, 0, &in), DEC_OK);
    assert_int_equal(in.len, 8);
    assert_memory_equal(in.bytes, add, sizeof(add));
    assert_true(in.lock && in.has_66 && in.has_67 && !in.seg_override && in.rep == 0);
    assert_true(in.map == 0 && in.opcode == 0x81 && in.opcode_off == 3 && in.has_modrm && in.modrm_off == 4);
    assert_true(in.mod == 1 && in.reg == 0 && in.rm == 6 && in.imm_off == 6 && in.imm_size == 2);
    assert_int_equal(in.imm, 0xfffffffe);
    assert_int_equal(dec_insn(enter, sizeof(enter), true, 0, &in), DEC_OK);
    assert_true(in.imm_off == 1 && in.imm_size == 2 && in.imm == 0x1234 && in.imm2 == 5);
    static const uint8_t xlat[] = {0x65, 0xd7}, movs[] = {0xa4};
    assert_int_equal(dec_insn(xlat, sizeof(xlat), true, 0, &in), DEC_OK);
    assert_true(!in.mem.present && in.mem.seg == DEC_GS);
    assert_int_equal(dec_insn(movs, sizeof(movs), true, 0, &in), DEC_OK);
    assert_true(!in.mem.present && in.mem.seg == DEC_DS && !in.seg_override);
    assert_int_equal(dec_insn(bytes, sizeof(bytes), true, ALL_FEATURES, &in), DEC_OK);
    assert_true(in.rep == 0xf3 && in.has_66 && !in.has_67 && in.seg_override && in.opcode_off == 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
