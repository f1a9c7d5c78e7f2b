/* inspect_drives.c: the drives, and media in and out of those that take some. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/drives_internal.h"
#include "monitor/inspect_internal.h"

/* ---- What there is: by QEMU's names ---- */

static void describe(struct mon_drive *d, const char *name, struct mon_blk *b, bool removable) {
    *d = (struct mon_drive){.removable = removable, .inserted = b != NULL};
    snprintf(d->name, sizeof d->name, "%s", name);
    if (!b) return;
    const struct blk_config *c = blk_config(b);
    snprintf(d->path, sizeof d->path, "%s", c->path);
    const struct blk *blk = blk_dev(b);
    d->bytes = blk->size;
    d->reads = blk->operations[BLK_READ];
    d->writes = blk->operations[BLK_WRITE];
    d->flushes = blk->operations[BLK_FLUSH];
    d->read_bytes = blk->moved[BLK_READ];
    d->written_bytes = blk->moved[BLK_WRITE];
    d->read_only = c->read_only;
    d->snapshot = c->snapshot;
    snprintf(d->format, sizeof d->format, "%s", mon_format_name(blk_format(b)));
}

static void describe_ide(const struct machine *m, struct mon_drives *out) {
    const struct drives *d = m->drives;
    for (int i = 0; i < IDE_DRIVES; i++) {
        bool cd = d->cfg->cdrom && i == DRIVES_CD_PLACE;
        if (!cd && !d->ide[i]) continue;
        struct mon_drive *to = &out->drive[out->n++];
        describe(to, cd ? "ide1-cd0" : drives_ide_names[i], d->ide[i], cd);
        if (cd) ide_cd_tray(d->ide_dev, i, &to->tray_open, &to->locked);
    }
}

static bool do_drives(struct machine *m, void *args, struct letter *l) {
    struct mon_drives *out = args;
    const struct drives *d = m->drives;
    char name[24];
    (void)l;
    out->n = 0;
    describe_ide(m, out);
    for (unsigned i = 0; i < MON_VIRTIO_DISKS; i++) {
        snprintf(name, sizeof name, "virtio%u", i);
        if (d->virtio[i]) describe(&out->drive[out->n++], name, d->virtio[i], false);
    }
    for (unsigned i = 0; i < d->cfg->floppies; i++) {
        snprintf(name, sizeof name, "floppy%u", i);
        describe(&out->drive[out->n++], name, d->floppy[i], true);
    }
    return true;
}

enum mon_ask mon_ask_drives(struct machine *m, struct mon_drives *out) {
    return inspect_ask(m, do_drives, out, sizeof *out);
}

/* ---- Media ---- */

struct change {
    enum drives_medium which;
    bool force;
    struct mon_disk_config image;
    char path[MON_PATH];
    enum drives_change result;
    char error[512];
    struct letter *letter;
};

static enum drives_medium find(const char *name, char *errbuf, size_t errlen) {
    enum drives_medium which = drives_medium_parse(name, strlen(name));
    if (!strcmp(name, "ide1-cd0")) which = DRIVES_CDROM;
    if (which == DRIVES_MEDIA) snprintf(errbuf, errlen, "there is no drive '%.60s' that takes media", name);
    return which;
}

static enum mon_ask result(enum mon_ask a, const struct change *c, char *errbuf, size_t errlen) {
    if (a != MON_ASK_OK || c->result == DRIVES_CHANGED) return a;
    snprintf(errbuf, errlen, "%s",
             c->result == DRIVES_LOCKED
                 ? "the guest has locked the drive; it was asked to give it free, try again or use force"
                 : c->error);
    return MON_ASK_FAILED;
}

static bool do_eject(struct machine *m, void *args, struct letter *l) {
    struct change *c = args;
    (void)l;
    c->result = drives_eject(m->drives, c->which, c->force, c->error, sizeof c->error);
    return true;
}

enum mon_ask mon_ask_eject(struct machine *m, const char *drive, bool force, char *errbuf, size_t errlen) {
    struct change c = {.which = find(drive, errbuf, errlen), .force = force};
    if (c.which == DRIVES_MEDIA) return MON_ASK_FAILED;
    return result(inspect_ask(m, do_eject, &c, sizeof c), &c, errbuf, errlen);
}

static void inserted(void *opaque, enum drives_change what, const char *why) {
    struct change *c = opaque;
    c->result = what;
    snprintf(c->error, sizeof c->error, "%s", why ? why : "");
    mailbox_finish(c->letter);
}

static bool do_insert(struct machine *m, void *args, struct letter *l) {
    struct change *c = args;
    c->image.path = c->path;
    c->letter = l;
    if (drives_insert(m->drives, c->which, &c->image, c->force, inserted, c, c->error, sizeof c->error)) return false;
    c->result = DRIVES_FAILED;
    return true;
}

enum mon_ask mon_ask_insert(struct machine *m, const char *drive, const struct mon_disk_config *image, bool force,
                            char *errbuf, size_t errlen) {
    struct change c = {.which = find(drive, errbuf, errlen), .force = force, .image = *image};
    if (c.which == DRIVES_MEDIA) return MON_ASK_FAILED;
    if ((size_t)snprintf(c.path, sizeof c.path, "%s", image->path) >= sizeof c.path) {
        snprintf(errbuf, errlen, "the image's name is too long");
        return MON_ASK_FAILED;
    }
    return result(inspect_ask_long(m, do_insert, &c, sizeof c), &c, errbuf, errlen);
}
