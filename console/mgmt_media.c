/*
 * mgmt_media.c: drives, and media in and out of them.
 */
#include <inttypes.h>
#include <string.h>
#include "console/mgmt_command.h"

/* ---- What there is ---- */

static json_t *medium(const struct mon_drive *d) {
    json_t *image =
        json_pack("{s:s, s:s, s:I}", "filename", d->path, "format", d->format, "virtual-size", (json_int_t)d->bytes);
    if (!image) return NULL; /* a name that is not UTF-8 */
    json_t *o = json_pack("{s:s, s:b, s:s, s:b, s:b, s:o, s:{s:b, s:b, s:b}, s:s, s:i, s:i}", "file", d->path, "ro",
                          d->read_only, "drv", d->format, "encrypted", 0, "x-novt-snapshot", d->snapshot, "image",
                          image, "cache", "writeback", 1, "direct", 0, "no-flush", 0, "detect_zeroes", "off",
                          "backing_file_depth", 0, "write_threshold", 0);
    static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) json_object_set_new(o, limits[i], json_integer(0));
    return o;
}

static json_t *drive(const struct mon_drive *d) {
    json_t *o = json_pack("{s:s, s:s, s:b, s:b}", "device", d->name, "type", "unknown", "removable", d->removable,
                          "locked", d->locked);
    if (d->removable) json_object_set_new(o, "tray_open", json_boolean(d->tray_open));
    if (d->inserted) json_object_set_new(o, "inserted", medium(d));
    return o;
}

static json_t *query_block(struct mgmt_call *c) {
    struct mon_drives drives;
    if (!mgmt_asked(c, mon_ask_drives(c->machine, &drives), NULL)) return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < drives.n; i++) json_array_append_new(list, drive(&drives.drive[i]));
    return list;
}

static bool is(const json_t *o, const char *name) { return json_is_true(json_object_get(o, name)); }

static void print_block(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *d;
    json_array_foreach(r, i, d) {
        const json_t *in = json_object_get(d, "inserted");
        const char *file = json_string_value(json_object_get(in, "file"));
        const char *format = json_string_value(json_object_get(in, "drv"));
        mgmt_print(out, "%s: ", json_string_value(json_object_get(d, "device")));
        if (file)
            mgmt_print(out, "%s (%s%s%s)\n", file, format, is(in, "ro") ? ", read-only" : "",
                       is(in, "x-novt-snapshot") ? ", writes are forgotten" : "");
        else
            mgmt_print(out, "[not inserted]\n");
        if (is(d, "removable"))
            mgmt_print(out, "    Removable device: %slocked, tray %s\n", is(d, "locked") ? "" : "not ",
                       is(d, "tray_open") ? "open" : "closed");
    }
}

/* What we count; QEMU has more, of times, queues and merged requests. */
static json_t *drive_stats(const struct mon_drive *d) {
    json_t *n = json_pack("{s:I, s:I, s:I, s:I, s:I}", "rd_bytes", (json_int_t)d->read_bytes, "wr_bytes",
                          (json_int_t)d->written_bytes, "rd_operations", (json_int_t)d->reads, "wr_operations",
                          (json_int_t)d->writes, "flush_operations", (json_int_t)d->flushes);
    return json_pack("{s:s, s:o}", "device", d->name, "stats", n);
}

static json_t *query_blockstats(struct mgmt_call *c) {
    struct mon_drives drives;
    if (!mgmt_asked(c, mon_ask_drives(c->machine, &drives), NULL)) return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < drives.n; i++) json_array_append_new(list, drive_stats(&drives.drive[i]));
    return list;
}

static void print_blockstats(json_t *r, struct mgmt_text *out) {
    const char *name;
    json_t *d, *value;
    size_t i;
    json_array_foreach(r, i, d) {
        mgmt_print(out, "%s:", json_string_value(json_object_get(d, "device")));
        json_object_foreach(json_object_get(d, "stats"), name, value) {
            mgmt_print(out, " %s=%" PRId64, name, (int64_t)json_integer_value(value));
        }
        mgmt_print(out, "\n");
    }
}

/* ---- Media ---- */

/* QEMU has two names for which drive is meant. */
static const char *which(struct mgmt_call *c) {
    const char *device = mgmt_arg_text(c, "device", mgmt_arg_text(c, "id", NULL));
    if (!device) mgmt_fail(c, "Parameter 'device' is missing");
    return device;
}

static json_t *eject(struct mgmt_call *c) {
    char why[512] = "";
    const char *device = which(c);
    if (!device || !mgmt_asked(c, mon_ask_eject(c->machine, device, mgmt_arg_bool(c, "force"), why, sizeof why), why))
        return NULL;
    return mgmt_nothing();
}

static bool read_only(struct mgmt_call *c, bool *ro) {
    const char *mode = mgmt_arg_text(c, "read-only-mode", "read-only");
    *ro = strcmp(mode, "read-write") != 0;
    return true;
}

static json_t *change(struct mgmt_call *c) {
    char why[512] = "";
    struct mon_disk_config image = {.path = mgmt_arg_text(c, "filename", "")};
    const char *format = mgmt_arg_text(c, "format", "auto"), *device = which(c);
    if (!device || !read_only(c, &image.read_only)) return NULL;
    image.format = mon_format_parse(format, strlen(format));
    if (image.format == MON_FORMATS) return mgmt_fail(c, "there is no image format '%.60s'", format);
    enum mon_ask a = mon_ask_insert(c->machine, device, &image, mgmt_arg_bool(c, "force"), why, sizeof why);
    return mgmt_asked(c, a, why) ? mgmt_nothing() : NULL;
}

/* The older form of QEMU's: target and arg are the file and its format. */
static json_t *old_change(struct mgmt_call *c) {
    json_t *args = json_pack("{s:O, s:O, s:O*}", "device", json_object_get(c->args, "device"), "filename",
                             json_object_get(c->args, "target"), "format", json_object_get(c->args, "arg"));
    struct mgmt_call inner = *c;
    if (!args) return NULL;
    inner.args = args;
    json_t *result = change(&inner);
    memcpy(c->error, inner.error, sizeof c->error);
    c->error_class = inner.error_class;
    json_decref(args);
    return result;
}

static const char modes[] = "retain|read-only|read-write";

static const struct mgmt_arg eject_args[] = {
    {.name = "force", .type = MGMT_BOOL, .optional = true, .option = true, .help = "even if the guest has locked it"},
    {.name = "device", .type = MGMT_STRING, .optional = true, .help = "ide1-cd0 or cdrom, floppy0, floppy1"},
    {.name = "id", .type = MGMT_VALUE, .optional = true, .help = "the same by QEMU's other name"},
    {0}};
static const struct mgmt_arg change_args[] = {
    {.name = "device", .type = MGMT_STRING, .optional = true, .help = "ide1-cd0 or cdrom, floppy0, floppy1"},
    {.name = "filename", .type = MGMT_STRING, .help = "the image"},
    {.name = "format", .type = MGMT_STRING, .optional = true, .help = "auto, raw, qcow2 and so on"},
    {.name = "read-only-mode", .type = MGMT_WORD, .optional = true, .choices = modes, .help = "of floppies"},
    {.name = "force", .type = MGMT_BOOL, .optional = true, .option = true, .help = "even if the guest has locked it"},
    {.name = "id", .type = MGMT_VALUE, .optional = true, .help = "device, by QEMU's other name"},
    {0}};

static const struct mgmt_arg old_change_args[] = {
    {.name = "device", .type = MGMT_STRING, .help = "ide1-cd0 or cdrom, floppy0, floppy1"},
    {.name = "target", .type = MGMT_STRING, .help = "the image"},
    {.name = "arg", .type = MGMT_STRING, .optional = true, .help = "its format"},
    {0}};

const struct mgmt_command mgmt_media_commands[] = {
    {"query-block", "info block", NULL, "the drives and what is in them", "list of drives", query_block, print_block},
    {"query-blockstats", "info blockstats", NULL, "what the guest has asked of each drive since its medium is in",
     "list of {device, stats}", query_blockstats, print_blockstats},
    {"eject", "eject", eject_args, "take the medium out of a drive", NULL, eject, NULL},
    {"blockdev-change-medium", "change", change_args, "put an image into a drive", NULL, change, NULL},
    {"change", NULL, old_change_args, "the same, as older clients of QEMU say it", NULL, old_change, NULL},
    {0},
};
