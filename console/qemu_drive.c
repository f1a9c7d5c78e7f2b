/*
 * qemu_drive.c: novt-qemu: drives. They are collected, and settled when all are
 * known: a place for each as QEMU would choose it, then --disk, --cdrom and
 * --floppy in the order of places.
 */
#include <stddef.h>
#include <string.h>
#include "console/options.h"
#include "console/parse.h"
#include "console/qemu_internal.h"

enum { IDE_UNITS = 2, CD_PLACE = 2 };
static const unsigned places[] = {
    [QEMU_IDE] = MON_IDE_DISKS, [QEMU_VIRTIO] = MON_VIRTIO_DISKS, [QEMU_FLOPPY] = MON_FLOPPIES};

/* ---- Collecting ---- */

static struct qemu_drive *new_drive(struct qemu *q) {
    if (q->drives == QEMU_DRIVES) return NULL;
    struct qemu_drive *d = &q->drive[q->drives++];
    *d = (struct qemu_drive){.given = q->now, .index = QEMU_ANYWHERE, .channel = QEMU_ANYWHERE, .unit = QEMU_ANYWHERE};
    return d;
}

static const char *add_file(struct qemu *q, const char *file, enum qemu_bus bus, unsigned index, bool cdrom) {
    struct qemu_drive *d = new_drive(q);
    if (!d) return "is one drive too many";
    d->file = *file ? file : NULL;
    d->bus = bus;
    d->index = index;
    d->cdrom = cdrom;
    return NULL;
}

const char *qemu_hda(struct qemu *q, const char *v) { return add_file(q, v, QEMU_IDE, 0, false); }
const char *qemu_hdb(struct qemu *q, const char *v) { return add_file(q, v, QEMU_IDE, 1, false); }
const char *qemu_hdc(struct qemu *q, const char *v) { return add_file(q, v, QEMU_IDE, 2, false); }
const char *qemu_hdd(struct qemu *q, const char *v) { return add_file(q, v, QEMU_IDE, 3, false); }
const char *qemu_cdrom(struct qemu *q, const char *v) { return add_file(q, v, QEMU_IDE, CD_PLACE, true); }
const char *qemu_fda(struct qemu *q, const char *v) { return add_file(q, v, QEMU_FLOPPY, 0, false); }
const char *qemu_fdb(struct qemu *q, const char *v) { return add_file(q, v, QEMU_FLOPPY, 1, false); }

static const char *take_if(struct run_options *r, void *target, const char *v) {
    static const char *const names[] = {
        [QEMU_IDE] = "ide", [QEMU_VIRTIO] = "virtio", [QEMU_FLOPPY] = "floppy", [QEMU_UNPLUGGED] = "none"};
    (void)r;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], v)) return ((struct qemu_drive *)target)->bus = (enum qemu_bus)i, NULL;
    return "must be ide, virtio, floppy or none";
}

static const char *take_media(struct run_options *r, void *target, const char *v) {
    struct qemu_drive *d = target;
    (void)r;
    d->cdrom = !strcmp(v, "cdrom");
    return d->cdrom || !strcmp(v, "disk") ? NULL : "must be disk or cdrom";
}

#define AT(field) offsetof(struct qemu_drive, field)

static const struct kv_key drive_keys[] = {
    {.name = "file", .type = KV_TEXT, .at = AT(file)},
    {.name = "if", .type = KV_CALL, .call = take_if},
    {.name = "format", .type = KV_TEXT, .at = AT(format)},
    {.name = "media", .type = KV_CALL, .call = take_media},
    {.name = "index", .type = KV_NUMBER, .at = AT(index), .limit = MON_DISKS},
    {.name = "bus", .type = KV_NUMBER, .at = AT(channel), .limit = 1},
    {.name = "unit", .type = KV_NUMBER, .at = AT(unit), .limit = IDE_UNITS - 1},
    {.name = "readonly", .type = KV_SWITCH, .at = AT(read_only)},
    {.name = "read-only", .type = KV_SWITCH, .at = AT(read_only)},
    {.name = "snapshot", .type = KV_SWITCH, .at = AT(snapshot)},
    {.name = "id", .type = KV_TEXT, .at = AT(id)},
    QEMU_SKIP("cache"),
    QEMU_SKIP("aio"),
    QEMU_SKIP("discard"),
    QEMU_SKIP("detect-zeroes"),
    QEMU_SKIP("werror"),
    QEMU_SKIP("rerror"),
    {0},
};

const char *qemu_drive(struct qemu *q, const char *v) {
    struct qemu_drive *d = new_drive(q);
    if (!d) return "is one drive too many";
    const char *wrong = kv_parse(q->r, v, drive_keys, d);
    if (wrong || (d->unit == QEMU_ANYWHERE && d->channel == QEMU_ANYWHERE)) return wrong;
    if (d->index != QEMU_ANYWHERE) return "gives both index and bus or unit";
    if (d->bus == QEMU_VIRTIO) return NULL;
    uint32_t channel = d->channel == QEMU_ANYWHERE ? 0 : d->channel, unit = d->unit == QEMU_ANYWHERE ? 0 : d->unit;
    d->index = (d->bus == QEMU_FLOPPY ? 0 : channel * IDE_UNITS) + unit;
    return NULL;
}

/* ---- -device with drive=ID ---- */

static const struct kv_key plug_keys[] = {
    {.name = "drive", .type = KV_TEXT, .at = offsetof(struct qemu_plug, id)},
    {.name = "bus", .type = KV_TEXT, .at = offsetof(struct qemu_plug, channel)},
    {.name = "unit", .type = KV_NUMBER, .at = offsetof(struct qemu_plug, unit), .limit = IDE_UNITS - 1},
    QEMU_SKIP("id"),
    QEMU_SKIP("addr"),
    QEMU_SKIP("bootindex"),
    QEMU_SKIP("serial"),
    QEMU_SKIP("scsi"),
    QEMU_SKIP("num-queues"),
    QEMU_SKIP("disable-legacy"),
    QEMU_SKIP("disable-modern"),
    {0},
};

const char *qemu_drive_device(struct qemu *q, enum qemu_bus bus, bool cdrom, const char *text) {
    if (q->plugs == QEMU_DRIVES) return "is one drive too many";
    struct qemu_plug *p = &q->plug[q->plugs++];
    *p = (struct qemu_plug){.given = q->now, .bus = bus, .cdrom = cdrom, .unit = QEMU_ANYWHERE};
    const char *wrong = text ? kv_parse(q->r, text, plug_keys, p) : NULL;
    return wrong || p->id ? wrong : "needs drive=ID, of a -drive with if=none,id=ID";
}

static struct qemu_drive *find_drive(struct qemu *q, const char *id) {
    for (unsigned i = 0; i < q->drives; i++)
        if (q->drive[i].id && !strcmp(q->drive[i].id, id)) return &q->drive[i];
    return NULL;
}

static uint32_t plug_index(const struct qemu_plug *p) {
    bool second = p->channel && !strcmp(p->channel, "ide.1");
    uint32_t unit = p->unit == QEMU_ANYWHERE ? 0 : p->unit;
    if (p->bus == QEMU_VIRTIO || (!p->channel && p->unit == QEMU_ANYWHERE)) return QEMU_ANYWHERE;
    return (second ? IDE_UNITS : 0) + unit;
}

static const char *plug_in(struct qemu *q, const struct qemu_plug *p) {
    struct qemu_drive *d = find_drive(q, p->id);
    if (!d) return opt_wrong(q->r, "names the drive '%s', and no -drive has this id", p->id);
    if (d->bus != QEMU_UNPLUGGED) return opt_wrong(q->r, "names the drive '%s', which is plugged in already", p->id);
    d->bus = p->bus;
    d->cdrom = p->cdrom;
    d->index = plug_index(p);
    return NULL;
}

/* ---- Places ---- */

struct board {
    struct qemu_drive *at[QEMU_UNPLUGGED][MON_VIRTIO_DISKS];
};

static const char *put(struct run_options *r, struct board *b, struct qemu_drive *d) {
    unsigned n = places[d->bus];
    if (d->index == QEMU_ANYWHERE)
        for (d->index = 0; d->index < n && b->at[d->bus][d->index];) d->index++;
    if (d->index >= n) return opt_wrong(r, "has no place: there are %u on its bus", n);
    if (b->at[d->bus][d->index])
        return opt_wrong(r, "has index %u, where -%s is", d->index, b->at[d->bus][d->index]->given.name);
    b->at[d->bus][d->index] = d;
    return NULL;
}

static int put_all(struct qemu *q, struct board *b) {
    for (unsigned i = 0; i < q->plugs; i++) {
        const char *wrong = plug_in(q, &q->plug[i]);
        if (wrong) return qemu_error(q->plug[i].given, wrong);
    }
    for (unsigned i = 0; i < q->drives; i++) {
        struct qemu_drive *d = &q->drive[i];
        if (d->bus == QEMU_UNPLUGGED) {
            qemu_note(d->given, "is not used: no -device names it");
            continue;
        }
        const char *wrong = put(q->r, b, d);
        if (wrong) return qemu_error(d->given, wrong);
    }
    return 0;
}

/* ---- As options of novt run ---- */

static const char *drive_text(struct run_options *r, const struct qemu_drive *d) {
    const char *format = d->format ? qemu_text(r, ",format=%s", opt_double_commas(r, d->format)) : "";
    return qemu_text(r, "file=%s%s%s%s", opt_double_commas(r, d->file), format, d->read_only ? ",readonly=on" : "",
                     d->snapshot ? ",snapshot=on" : "");
}

static const char *pass_cdrom(struct qemu *q, const struct qemu_drive *d) {
    if (d->bus != QEMU_IDE) return "is a CD-ROM, which must be on IDE";
    if (q->r->config.drives.cdrom) return "is a second CD-ROM drive; there is room for one";
    if (d->index != CD_PLACE) qemu_note(d->given, "is the first drive of the second IDE channel, as -cdrom");
    return run_option_set(q->r, "cdrom", d->file ? drive_text(q->r, d) : "none");
}

static const char *pass_disk(struct qemu *q, const struct qemu_drive *d, const char *bus) {
    if (!d->file) return "names no file";
    return run_option_set(q->r, "disk", qemu_text(q->r, "%s,bus=%s", drive_text(q->r, d), bus));
}

static const char *pass_floppy(struct qemu *q, const struct qemu_drive *d) {
    const char *wrong = NULL;
    if (d->index > q->r->config.drives.floppies) wrong = run_option_set(q->r, "floppy", "none");
    return wrong ? wrong : run_option_set(q->r, "floppy", d->file ? drive_text(q->r, d) : "none");
}

/* Disks on IDE stand without gaps, around the CD-ROM drive. */
static void note_place(const struct qemu *q, const struct qemu_drive *d) {
    unsigned n = 0, at;
    for (unsigned i = 0; i < q->r->config.drives.disks; i++) n += q->r->config.drives.disk[i].bus == MON_BUS_IDE;
    at = n - 1 + (q->r->config.drives.cdrom && n > CD_PLACE);
    if (at == d->index) return;
    qemu_note(d->given, qemu_text(q->r, "is IDE drive %u for the guest, not %u", at, d->index));
}

static const char *pass_ide(struct qemu *q, const struct qemu_drive *d) {
    const char *wrong = pass_disk(q, d, "ide");
    if (!wrong) note_place(q, d);
    return wrong;
}

static const char *pass(struct qemu *q, const struct qemu_drive *d, bool cdroms) {
    if (d->cdrom != cdroms) return NULL;
    if (d->cdrom) return pass_cdrom(q, d);
    switch (d->bus) {
    case QEMU_IDE: return pass_ide(q, d);
    case QEMU_VIRTIO: return pass_disk(q, d, "virtio");
    default: return pass_floppy(q, d);
    }
}

/* The CD-ROM goes first: disks stand around it. */
static int pass_all(struct qemu *q, const struct board *b, bool cdroms) {
    for (int bus = 0; bus < QEMU_UNPLUGGED; bus++)
        for (unsigned i = 0; i < places[bus]; i++) {
            const struct qemu_drive *d = b->at[bus][i];
            const char *wrong = d ? pass(q, d, cdroms) : NULL;
            if (wrong) return qemu_error(d->given, wrong);
        }
    return 0;
}

int qemu_drive_settle(struct qemu *q) {
    struct board b = {0};
    int bad = put_all(q, &b);
    if (!bad) bad = pass_all(q, &b, true);
    return bad ? bad : pass_all(q, &b, false);
}
