/*
 * mgmt_steer.c: tc pin, unpin, single-step, unlink, count: orders about translations, for a machine that runs or not.
 *
 * None changes what the guest computes: they are for finding out what does.
 */
#include <inttypes.h>
#include <string.h>
#include "console/mgmt_cache.h"

static const char *kind_name(enum bt_mark_kind k) {
    return k == BT_MARK_STEP ? "single-step" : k == BT_MARK_CHECKED ? "checked" : "direct";
}

static json_t *marks_json(const struct mon_steer *s) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < s->n; i++)
        json_array_append_new(rows, json_pack("{s:I, s:I, s:s}", "first", (json_int_t)s->mark[i].first, "last",
                                              (json_int_t)s->mark[i].last, "mode", kind_name(s->mark[i].kind)));
    return json_pack("{s:o}", "marks", rows);
}

static void print_marks(json_t *r, struct mgmt_text *out) {
    const json_t *rows = json_object_get(r, "marks"), *m;
    size_t i;
    json_array_foreach(rows, i, m) {
        mgmt_print(out, "%08" PRIx64 "-%08" PRIx64 " %s\n", (uint64_t)mgmt_int(m, "first"),
                   (uint64_t)mgmt_int(m, "last"), mgmt_string(m, "mode"));
    }
    if (!json_array_size(rows)) mgmt_print(out, "nothing is pinned or done in single steps\n");
}

static bool order(struct mgmt_call *c, struct mon_steer *s) {
    if (!mgmt_asked(c, mon_ask_steer(c->machine, s), NULL)) return false;
    if (s->no_block) return mgmt_fail(c, "there is no block %" PRIu32, s->block), false;
    if (s->full) return mgmt_fail(c, "there are %d ranges already; unpin some", BT_MARKS_MAX), false;
    return true;
}

static json_t *order_marks(struct mgmt_call *c, struct mon_steer *s) { return order(c, s) ? marks_json(s) : NULL; }

/* A block's number, or FIRST-LAST, or an address that begins with 0x. */
static bool parse_where(struct mgmt_call *c, struct mon_steer *s) {
    const char *text = mgmt_arg_text(c, "where", "");
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;
    if (!digits || text[digits]) return mgmt_parse_range(c, text, &s->first, &s->last);
    for (size_t i = 0; i < digits && number <= UINT32_MAX; i++) number = number * 10 + (uint64_t)(text[i] - '0');
    if (number > UINT32_MAX) return mgmt_fail(c, "there is no block %.60s", text), false;
    s->by_block = true;
    s->block = (uint32_t)number;
    return true;
}

static json_t *pin(struct mgmt_call *c) {
    struct mon_steer s = {.what = MON_STEER_MARK};
    const char *mode = mgmt_arg_text(c, "mode", NULL);
    if (!parse_where(c, &s)) return NULL;
    if (!mode && !s.by_block) return mgmt_fail(c, "a range needs checked or direct");
    s.kinds = !mode ? 0 : !strcmp(mode, "checked") ? BT_MARK_CHECKED : BT_MARK_DIRECT;
    return order_marks(c, &s);
}

static json_t *unpin(struct mgmt_call *c) {
    struct mon_steer s = {.what = MON_STEER_UNMARK, .last = UINT32_MAX, .kinds = BT_MARK_CHECKED | BT_MARK_DIRECT};
    return !mgmt_arg_given(c, "where") || parse_where(c, &s) ? order_marks(c, &s) : NULL;
}

static json_t *single_step(struct mgmt_call *c) {
    struct mon_steer s = {.what = MON_STEER_MARK, .last = UINT32_MAX, .kinds = BT_MARK_STEP};
    if (!strcmp(mgmt_arg_text(c, "where", ""), "off"))
        s.what = MON_STEER_UNMARK;
    else if (!parse_where(c, &s))
        return NULL;
    return order_marks(c, &s);
}

static json_t *marks(struct mgmt_call *c) {
    struct mon_steer s = {.what = MON_STEER_LOOK};
    return order_marks(c, &s);
}

/* ---- Links ---- */

static json_t *unlink_block(struct mgmt_call *c) {
    int64_t number = mgmt_arg_int(c, "block", 0);
    struct mon_steer s = {.what = MON_STEER_UNLINK, .block = (uint32_t)number};
    if (number < 0 || number > UINT32_MAX) return mgmt_fail(c, "there is no block %" PRId64, number);
    if (!order(c, &s)) return NULL;
    return json_pack("{s:i, s:i, s:i}", "in", (int)s.unlinked.in, "out", (int)s.unlinked.out, "targets",
                     (int)s.unlinked.targets);
}

static void print_unlinked(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "undone: %" PRId64 " links to it, %" PRId64 " from it, %" PRId64 " indirect targets\n",
               mgmt_int(r, "in"), mgmt_int(r, "out"), mgmt_int(r, "targets"));
}

/* ---- Counting ---- */

static json_t *count(struct mgmt_call *c) {
    struct mon_steer s = {.what = mgmt_arg_given(c, "on") ? MON_STEER_COUNT : MON_STEER_LOOK};
    s.on = mgmt_arg_bool(c, "on");
    if (!order(c, &s)) return NULL;
    json_t *o = json_pack("{s:b}", "counting", s.counting);
    if (!s.counting) return o;
    mgmt_put(o, "instructions", s.insns);
    mgmt_put(o, "returns", s.returns);
    mgmt_put(o, "indirect", s.indirects);
    mgmt_put(o, "return-misses", s.return_misses);
    return o;
}

static void print_count(json_t *r, struct mgmt_text *out) {
    if (!mgmt_true(r, "counting")) {
        mgmt_print(out, "off\n");
        return;
    }
    mgmt_print(out,
               "executed: %" PRId64 " instructions, %" PRId64 " of them returns (%" PRId64
               " not as predicted), %" PRId64 " indirect jumps and calls\n",
               mgmt_int(r, "instructions"), mgmt_int(r, "returns"), mgmt_int(r, "return-misses"),
               mgmt_int(r, "indirect"));
}

static const struct mgmt_arg pin_args[] = {
    {.name = "where", .type = MGMT_STRING, .help = "a block's number, 0xADDRESS or FIRST-LAST, hexadecimal"},
    {.name = "mode", .type = MGMT_WORD, .optional = true, .choices = "checked|direct", .help = "a block: as it is"},
    {0}};
static const struct mgmt_arg unpin_args[] = {
    {.name = "where", .type = MGMT_STRING, .optional = true, .help = "as for tc pin; nothing: everywhere"}, {0}};
static const struct mgmt_arg step_args[] = {{.name = "where", .type = MGMT_STRING, .help = "off, or as for tc pin"},
                                            {0}};
static const struct mgmt_arg unlink_args[] = {{.name = "block", .type = MGMT_INT, .help = "its number in tc list"},
                                              {0}};
static const struct mgmt_arg count_args[] = {
    {.name = "on", .type = MGMT_BOOL, .optional = true, .help = "on or off: begins anew, with a flush"}, {0}};

const struct mgmt_command mgmt_steer_commands[] = {
    {"x-novt-tc-pin", "tc pin", pin_args, "keep the code's accesses checked or direct, whatever they cost", "{marks}",
     pin, print_marks},
    {"x-novt-tc-unpin", "tc unpin", unpin_args, "undo tc pin", "{marks}", unpin, print_marks},
    {"x-novt-tc-single-step", "tc single-step", step_args,
     "one instruction a block in this range, linked to nothing, to bisect", "{marks}", single_step, print_marks},
    {"x-novt-tc-marks", "tc marks", NULL, "what is pinned or done in single steps", "{marks}", marks, print_marks},
    {"x-novt-tc-unlink", "tc unlink", unlink_args, "undo all jumps from a block and to it", "{in, out, targets}",
     unlink_block, print_unlinked},
    {"x-novt-tc-count", "tc count", count_args, "count executed instructions, exactly but for faults in the middle",
     "{counting, instructions, returns, indirect, return-misses}", count, print_count},
    {0},
};
