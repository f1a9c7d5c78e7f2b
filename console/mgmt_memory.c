/*
 * mgmt_memory.c: x, xp and print: memory and values, in QEMU's formats: /COUNT LETTER SIZE, letters x d u o c i, sizes
 * b h w g.
 */
#include <inttypes.h>
#include <string.h>
#include "console/disasm.h"
#include "console/mgmt_symbol.h"

enum { COUNT_MAX = 4096, INSN_MAX = 15 };

struct format {
    unsigned count;
    char letter;
    unsigned size; /* bytes */
};

/* ---- The format ---- */

static unsigned size_of(char c) {
    switch (c) {
    case 'b': return 1;
    case 'h': return 2;
    case 'w': return 4;
    case 'g': return 8;
    default: return 0;
    }
}

static bool parse_format(struct mgmt_call *c, struct format *f) {
    const char *text = mgmt_arg_text(c, "format", "x"), *at = text;
    uint64_t count = 0;
    *f = (struct format){1, 'x', 4};
    for (; *at >= '0' && *at <= '9' && count <= COUNT_MAX; at++) count = count * 10 + (unsigned)(*at - '0');
    bool counted = at != text;
    for (; *at && (size_of(*at) || strchr("xduoci", *at)); at++) {
        if (size_of(*at))
            f->size = size_of(*at);
        else
            f->letter = *at;
    }
    if (*at) return mgmt_fail(c, "bad format '%.60s': a count, one of x d u o c i, one of b h w g", text), false;
    if (counted && (!count || count > COUNT_MAX)) return mgmt_fail(c, "the count must be 1 to %d", COUNT_MAX), false;
    if (counted) f->count = (unsigned)count;
    return true;
}

/* ---- Values as text ---- */

static int64_t sign_extend(uint64_t v, unsigned size) {
    unsigned shift = 64 - 8 * size;
    return (int64_t)(v << shift) >> shift; /* NOLINT: size is 1, 2, 4 or 8 */
}

static void print_value(struct mgmt_text *out, const struct format *f, uint64_t v) {
    if (f->size < 8) v &= (UINT64_C(1) << 8 * f->size) - 1;
    switch (f->letter) {
    case 'd': mgmt_print(out, "%" PRId64, sign_extend(v, f->size)); break;
    case 'u': mgmt_print(out, "%" PRIu64, v); break;
    case 'o': mgmt_print(out, "%#" PRIo64, v); break;
    case 'c': mgmt_print(out, v >= 0x20 && v < 0x7F ? "'%c'" : "'\\x%02x'", (unsigned)(v & 0xFF)); break;
    default: mgmt_print(out, "0x%0*" PRIx64, (int)f->size * 2, v);
    }
}

static unsigned in_a_line(const struct format *f) {
    return f->letter == 'c' || f->size == 1 ? 8 : f->size == 8 ? 2 : 4;
}

/* ---- Memory ---- */

static bool read_memory(struct mgmt_call *c, bool physical, uint64_t at, uint8_t *buf, size_t size) {
    char why[160];
    if (!physical) at &= UINT32_MAX;
    return mgmt_asked(c, mon_ask_memory(c->machine, physical, at, buf, size, why, sizeof why), why);
}

static uint64_t value_at(const uint8_t *p, unsigned size) {
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* A line of values. */
static bool dump_line(struct mgmt_call *c, bool physical, uint64_t at, const struct format *f, unsigned n,
                      struct mgmt_text *out) {
    uint8_t bytes[64];
    if (!read_memory(c, physical, at, bytes, (size_t)n * f->size)) return false;
    mgmt_print(out, physical ? "%016" PRIx64 ":" : "%08" PRIx64 ":", at);
    for (unsigned i = 0; i < n; i++) {
        mgmt_print(out, " ");
        print_value(out, f, value_at(bytes + i * f->size, f->size));
    }
    mgmt_print(out, "\n");
    return true;
}

static bool dump(struct mgmt_call *c, bool physical, uint64_t at, const struct format *f, struct mgmt_text *out) {
    for (unsigned left = f->count, n; left; left -= n) {
        n = left < in_a_line(f) ? left : in_a_line(f);
        if (!dump_line(c, physical, at, f, n, out)) return out->len != 0;
        at += n * f->size;
    }
    return true;
}

/* As many bytes of an instruction as there are. */
static size_t fetch(struct mgmt_call *c, bool physical, uint64_t at, uint8_t bytes[INSN_MAX]) {
    size_t room = 4096 - (at & 4095);
    if (read_memory(c, physical, at, bytes, INSN_MAX)) return INSN_MAX;
    c->error[0] = 0;
    return room < INSN_MAX && read_memory(c, physical, at, bytes, room) ? room : 0;
}

static bool list_code(struct mgmt_call *c, bool physical, uint64_t at, unsigned count, struct mgmt_text *out) {
    enum { CS = 1, DB = 1 << 14 };
    struct mon_registers r;
    if (!mgmt_asked(c, mon_ask_registers(c->machine, &r), NULL)) return false;
    unsigned bits = r.segment[CS].attr & DB ? 32 : 16;
    while (count--) {
        uint8_t bytes[INSN_MAX];
        char text[DISASM_TEXT];
        size_t n = fetch(c, physical, at, bytes);
        if (!n) {
            if (!c->error[0]) read_memory(c, physical, at, bytes, 1); /* says why */
            return out->len != 0;
        }
        size_t len = disasm_insn(bits, at, bytes, n, text);
        char name[MGMT_SYMBOL] = "";
        if (!physical && !mgmt_symbol(c, (uint32_t)at, name)) return false;
        mgmt_print(out, name[0] ? "0x%08" PRIx64 " <%s>:  " : "0x%08" PRIx64 ":  ", at, name);
        mgmt_print(out, "%s\n", len ? text : "(bad)");
        at += len ? len : 1;
    }
    return true;
}

/* What could be read before something could not is shown, and then why not. */
static json_t *examine(struct mgmt_call *c, bool physical) {
    struct format f;
    struct mgmt_text out = {0};
    uint64_t at = (uint64_t)mgmt_arg_int(c, "address", 0);
    if (!parse_format(c, &f)) return NULL;
    if (!physical) at &= UINT32_MAX;
    bool ok = f.letter == 'i' ? list_code(c, physical, at, f.count, &out) : dump(c, physical, at, &f, &out);
    if (ok && c->error[0]) mgmt_print(&out, "%s\n", c->error), c->error[0] = 0;
    json_t *result = ok ? json_pack("{s:s#}", "text", out.at, (int)out.len) : NULL;
    mgmt_text_free(&out);
    return result;
}

static json_t *x(struct mgmt_call *c) { return examine(c, false); }
static json_t *xp(struct mgmt_call *c) { return examine(c, true); }

static json_t *print(struct mgmt_call *c) {
    struct format f;
    struct mgmt_text out = {0};
    if (!parse_format(c, &f)) return NULL;
    f.size = 8;
    uint64_t v = (uint64_t)mgmt_arg_int(c, "value", 0);
    if (f.letter == 'x' || f.letter == 'i')
        mgmt_print(&out, "%#" PRIx64, v);
    else
        print_value(&out, &f, v);
    json_t *result = json_pack("{s:s+}", "text", out.at, "\n");
    mgmt_text_free(&out);
    return result;
}

/* ---- As bytes, for programs ---- */

static json_t *memory(struct mgmt_call *c) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[MON_MEMORY_MAX];
    char hex[2 * MON_MEMORY_MAX + 1];
    int64_t size = mgmt_arg_int(c, "size", 0);
    if (size < 1 || size > MON_MEMORY_MAX) return mgmt_fail(c, "Parameter 'size' must be 1 to %d", MON_MEMORY_MAX);
    bool physical = mgmt_arg_bool(c, "physical");
    if (!read_memory(c, physical, (uint64_t)mgmt_arg_int(c, "address", 0), bytes, (size_t)size)) return NULL;
    for (int64_t i = 0; i < size; i++) hex[2 * i] = digits[bytes[i] >> 4], hex[2 * i + 1] = digits[bytes[i] & 15];
    return json_pack("{s:s#}", "hex", hex, (int)(2 * size));
}

#define FORMAT                                                                                                         \
    { .name = "format", .type = MGMT_FORMAT, .optional = true, .help = "COUNT, then x d u o c or i, then b h w or g" }

static const struct mgmt_arg x_args[] = {FORMAT, {.name = "address", .type = MGMT_EXPR}, {0}};
static const struct mgmt_arg print_args[] = {FORMAT, {.name = "value", .type = MGMT_EXPR}, {0}};
static const struct mgmt_arg memory_args[] = {{.name = "address", .type = MGMT_INT},
                                              {.name = "size", .type = MGMT_INT, .help = "bytes, 1 to 4096"},
                                              {.name = "physical",
                                               .type = MGMT_BOOL,
                                               .optional = true,
                                               .option = true,
                                               .help = "guest-physical, else guest-linear"},
                                              {0}};

const struct mgmt_command mgmt_memory_commands[] = {
    {NULL, "x", x_args, "show memory at a guest-linear address", "{text}", x, mgmt_print_text},
    {NULL, "xp", x_args, "show memory at a guest-physical address", "{text}", xp, mgmt_print_text},
    {NULL, "print|p", print_args, "show the value of an expression of numbers and $registers", "{text}", print,
     mgmt_print_text},
    {"x-novt-memory", NULL, memory_args, "bytes of guest memory", "{hex}", memory, NULL},
    {0},
};
