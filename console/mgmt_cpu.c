/*
 * mgmt_cpu.c: the processor's registers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "console/mgmt_symbol.h"

enum { SEGMENTS = 6 };
static const char *const gprs[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const char *const segs[SEGMENTS] = {"es", "cs", "ss", "ds", "fs", "gs"};

/* FXSAVE image: SDM vol. 2 "FXSAVE". */
enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_MXCSR = 24, FX_ST = 32, FX_XMM = 160 };

/* ---- As JSON ---- */

static json_t *segment(const struct mon_segment *s) {
    return json_pack("{s:i, s:I, s:I, s:i}", "selector", s->selector, "base", (json_int_t)s->base, "limit",
                     (json_int_t)s->limit, "attributes", s->attr);
}

static uint64_t little(const uint8_t *p, unsigned n) {
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* Highest byte first. */
static json_t *hex(const uint8_t *p, unsigned n) {
    char text[40];
    for (unsigned i = 0; i < n; i++) snprintf(text + 2 * i, 3, "%02x", p[n - 1 - i]);
    return json_string(text);
}

static json_t *fpu(const uint8_t *fx) {
    json_t *st = json_array(), *xmm = json_array();
    for (unsigned i = 0; i < 8; i++) {
        json_array_append_new(st, hex(fx + FX_ST + 16 * i, 10));
        json_array_append_new(xmm, hex(fx + FX_XMM + 16 * i, 16));
    }
    return json_pack("{s:i, s:i, s:i, s:i, s:o, s:o}", "fcw", (int)little(fx + FX_FCW, 2), "fsw",
                     (int)little(fx + FX_FSW, 2), "ftw", (int)fx[FX_FTW], "mxcsr", (int)little(fx + FX_MXCSR, 4), "st",
                     st, "xmm", xmm);
}

static void set(json_t *o, const char *name, uint64_t v) { json_object_set_new(o, name, json_integer((json_int_t)v)); }

static json_t *registers(struct mgmt_call *c) {
    struct mon_registers r;
    char at[MGMT_SYMBOL];
    if (!mgmt_asked(c, mon_ask_registers(c->machine, &r), NULL)) return NULL;
    json_t *o = json_object();
    for (int i = 0; i < 8; i++) set(o, gprs[i], r.gpr[i]);
    set(o, "eip", r.eip), set(o, "eflags", r.eflags);
    for (int i = 0; i < SEGMENTS; i++) json_object_set_new(o, segs[i], segment(&r.segment[i]));
    json_object_set_new(o, "ldt", segment(&r.ldtr)), json_object_set_new(o, "tr", segment(&r.tr));
    json_object_set_new(o, "gdt", segment(&r.gdtr)), json_object_set_new(o, "idt", segment(&r.idtr));
    set(o, "cr0", r.cr0), set(o, "cr2", r.cr2), set(o, "cr3", r.cr3), set(o, "cr4", r.cr4);
    for (int i = 0; i < 8; i++) {
        char name[] = {'d', 'r', (char)('0' + i), 0};
        set(o, name, r.dr[i]);
    }
    set(o, "efer", r.efer), set(o, "tsc", r.tsc), set(o, "apicbase", r.apic_base), set(o, "cpl", r.cpl);
    json_object_set_new(o, "halted", json_boolean(r.halted));
    json_object_set_new(o, "a20", json_boolean(r.a20));
    json_object_set_new(o, "inhibit", json_boolean(r.inhibit));
    json_object_set_new(o, "fpu", fpu(r.fx));
    if (!mgmt_symbol(c, r.segment[1].base + r.eip, at)) return json_decref(o), NULL;
    if (at[0]) json_object_set_new(o, "symbol", json_string(at));
    return o;
}

/* ---- As text, in the order that QEMU has ---- */

static uint32_t get(const json_t *o, const char *name) {
    return (uint32_t)json_integer_value(json_object_get(o, name));
}

static void print_gprs(const json_t *r, struct mgmt_text *out) {
    static const char *const order[] = {"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"};
    for (int i = 0; i < 8; i++) {
        const char *n = order[i];
        mgmt_print(out, "%c%c%c=%08x%c", n[0] - 32, n[1] - 32, n[2] - 32, get(r, n), i % 4 == 3 ? '\n' : ' ');
    }
}

static void print_flags(const json_t *r, struct mgmt_text *out) {
    static const struct {
        unsigned bit;
        char letter;
    } flags[] = {{10, 'D'}, {11, 'O'}, {7, 'S'}, {6, 'Z'}, {4, 'A'}, {2, 'P'}, {0, 'C'}};
    uint32_t v = get(r, "eflags");
    mgmt_print(out, "EIP=%08x EFL=%08x [", get(r, "eip"), v);
    for (int i = 0; i < 7; i++) mgmt_print(out, "%c", v >> flags[i].bit & 1 ? flags[i].letter : '-');
    mgmt_print(out, "] CPL=%u II=%d A20=%d HLT=%d\n", get(r, "cpl"), json_is_true(json_object_get(r, "inhibit")),
               json_is_true(json_object_get(r, "a20")), json_is_true(json_object_get(r, "halted")));
}

/* Attributes stand where the descriptor's second word has them. */
static void print_segment(const json_t *r, const char *name, const char *shown, struct mgmt_text *out) {
    const json_t *s = json_object_get(r, name);
    mgmt_print(out, "%s=%04x %08x %08x %08x\n", shown, get(s, "selector"), get(s, "base"), get(s, "limit"),
               get(s, "attributes") << 8);
}

static void print_table(const json_t *r, const char *name, const char *shown, struct mgmt_text *out) {
    const json_t *s = json_object_get(r, name);
    mgmt_print(out, "%s=     %08x %08x\n", shown, get(s, "base"), get(s, "limit"));
}

static void print_fpu(const json_t *f, struct mgmt_text *out) {
    uint32_t fsw = get(f, "fsw");
    mgmt_print(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", get(f, "fcw"), fsw, fsw >> 11 & 7, get(f, "ftw"),
               get(f, "mxcsr"));
    for (unsigned i = 0; i < 8; i++) {
        const char *st = json_string_value(json_array_get(json_object_get(f, "st"), i));
        mgmt_print(out, "FPR%u=%s %.4s%c", i, st + 4, st, i % 2 ? '\n' : ' ');
    }
    for (unsigned i = 0; i < 8; i++) {
        const char *xmm = json_string_value(json_array_get(json_object_get(f, "xmm"), i));
        mgmt_print(out, "XMM%02u=%s%c", i, xmm, i % 2 ? '\n' : ' ');
    }
}

static void print_registers(json_t *r, struct mgmt_text *out) {
    static const char *const shown[SEGMENTS] = {"ES ", "CS ", "SS ", "DS ", "FS ", "GS "};
    print_gprs(r, out);
    print_flags(r, out);
    for (int i = 0; i < SEGMENTS; i++) print_segment(r, segs[i], shown[i], out);
    print_segment(r, "ldt", "LDT", out);
    print_segment(r, "tr", "TR ", out);
    print_table(r, "gdt", "GDT", out);
    print_table(r, "idt", "IDT", out);
    mgmt_print(out, "CR0=%08x CR2=%08x CR3=%08x CR4=%08x\n", get(r, "cr0"), get(r, "cr2"), get(r, "cr3"),
               get(r, "cr4"));
    mgmt_print(out, "DR0=%08x DR1=%08x DR2=%08x DR3=%08x\n", get(r, "dr0"), get(r, "dr1"), get(r, "dr2"),
               get(r, "dr3"));
    mgmt_print(out, "DR6=%08x DR7=%08x\n", get(r, "dr6"), get(r, "dr7"));
    mgmt_print(out, "EFER=%016x\n", get(r, "efer"));
    print_fpu(json_object_get(r, "fpu"), out);
    if (json_object_get(r, "symbol"))
        mgmt_print(out, "EIP is at %s\n", json_string_value(json_object_get(r, "symbol")));
}

const struct mgmt_command mgmt_cpu_commands[] = {
    {"x-novt-registers", "info registers", NULL, "the processor's registers", "registers by name", registers,
     print_registers},
    {0},
};
