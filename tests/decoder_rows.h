/*
 * decoder_rows.h: tables of instructions for the decoder_*_test programs. A row is the size of the code segment, bytes
 * and the decoded instruction as text; see describe() for the notation. A wrong row is printed as it would be right.
 */
#ifndef NOVT_TESTS_DECODER_ROWS_H
#define NOVT_TESTS_DECODER_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <Zydis/Zydis.h>
#include "decoder/decoder.h"

enum { ALL_FEATURES = (1u << 27) - 1, TEXT = 160 };

struct text {
    char buf[TEXT];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static inline void put(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->buf + t->len, TEXT - t->len, format, args);
    va_end(args);
    assert_true(n >= 0 && t->len + (size_t)n < TEXT);
    t->len += (size_t)n;
}

static const char *const gpr_name[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const char *const seg_name[] = {"es", "cs", "ss", "ds", "fs", "gs"};

static inline void put_mem(struct text *t, const struct dec_mem *m) {
    put(t, " [%s:", seg_name[m->seg]);
    if (m->base != DEC_NOREG) put(t, "%s+", gpr_name[m->base]);
    if (m->index != DEC_NOREG) put(t, "%s*%u+", gpr_name[m->index], m->scale);
    put(t, "%x]", m->disp);
    if (m->accessed) put(t, "%u%s%s", m->size, m->read ? "r" : "", m->write ? "w" : "");
}

static inline void put_flags(struct text *t, const char *what, unsigned bits) {
    static const struct {
        unsigned bit;
        char name;
    } flags[] = {{DEC_CF, 'C'}, {DEC_PF, 'P'}, {DEC_AF, 'A'}, {DEC_ZF, 'Z'},
                 {DEC_SF, 'S'}, {DEC_OF, 'O'}, {DEC_DF, 'D'}};
    if (bits == 0) return;
    put(t, " %s", what);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (bits & flags[i].bit) put(t, "%c", flags[i].name);
    }
}

static inline void put_gprs(struct text *t, unsigned gprs) {
    const char *sep = " ";
    for (unsigned i = 0; i < 8; i++) {
        if (gprs >> i & 1) {
            put(t, "%s%s", sep, gpr_name[i] + 1);
            sep = ",";
        }
    }
}

/*
 * length class mnemonic [address]size rw $imm$imm2 reads> writes= registers, then
 * b: byte operand, R8/M8: byte register in reg/rm, fpu, sse, o16 or a16: sizes.
 */
static inline struct text describe(const struct insn *in) {
    struct text t = {.len = 0};
    put(&t, "%u %s", in->len, dec_class_name((enum dec_class)in->cls));
    if (in->cls == DEC_CLASS_UD || in->cls == DEC_CLASS_TOO_LONG) return t;
    put(&t, " %s", ZydisMnemonicGetString((ZydisMnemonic)in->mnemonic));
    if (in->mem.present) put_mem(&t, &in->mem);
    if (in->imm_size) put(&t, " $%x", in->imm);
    if (in->imm2) put(&t, "$%x", in->imm2);
    put_flags(&t, ">", in->flags_read);
    put_flags(&t, "=", in->flags_written);
    put_gprs(&t, in->gprs);
    put(&t, "%s%s%s%s%s", in->byte_op ? " b" : "", in->reg_is_byte ? " R8" : "", in->rm_is_byte ? " M8" : "",
        in->fpu ? " fpu" : "", in->sse ? " sse" : "");
    put(&t, "%s%s", in->op_size == 2 ? " o16" : "", in->addr_size == 2 ? " a16" : "");
    return t;
}

static inline unsigned parse_hex(const char *hex, uint8_t out[DEC_MAX_LEN]) {
    unsigned n = 0, byte;
    for (; n < DEC_MAX_LEN && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) out[n] = (uint8_t)byte;
    return n;
}

struct row {
    unsigned bits;
    const char *hex;
    const char *expect;
};

static inline bool row_is_right(const struct row *row) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    unsigned n = parse_hex(row->hex, bytes);
    enum dec_status status = dec_insn(bytes, n, row->bits == 32, ALL_FEATURES, &in);
    struct text got = {.buf = "need more"};
    if (status == DEC_OK) got = describe(&in);
    if (strcmp(got.buf, row->expect) == 0) return true;
    print_error("    {%u, \"%s\", \"%s\"},\n", row->bits, row->hex, got.buf);
    return false;
}

static inline void check_rows(const struct row *rows, size_t count) {
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) wrong += !row_is_right(&rows[i]);
    assert_int_equal(wrong, 0);
}

/* `rows`: an array. */
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

#endif
