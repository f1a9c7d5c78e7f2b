/* qemu_device.c: novt-qemu: -device NAME[,key=value]..., and USB. */
#include <stddef.h>
#include <string.h>
#include "console/options.h"
#include "console/qemu_internal.h"

/* ---- Devices without a host side ---- */

struct debug_exit {
    const char *base, *size;
};

static const struct kv_key debug_exit_keys[] = {
    {.name = "iobase", .type = KV_TEXT, .at = offsetof(struct debug_exit, base)},
    {.name = "iosize", .type = KV_TEXT, .at = offsetof(struct debug_exit, size)},
    QEMU_SKIP("id"),
    {0},
};

static const char *debug_exit(struct qemu *q, const char *text) {
    struct debug_exit d = {"0x501", "2"}; /* QEMU's */
    const char *wrong = text ? kv_parse(q->r, text, debug_exit_keys, &d) : NULL;
    if (wrong) return wrong;
    return run_option_set(
        q->r, "debug-exit",
        qemu_text(q->r, "iobase=%s,iosize=%s", opt_double_commas(q->r, d.base), opt_double_commas(q->r, d.size)));
}

static const char *tablet(struct qemu *q, const char *text) {
    return (void)text, run_option_set(q->r, "usb", "tablet");
}

/* A tablet that is there already stays. */
const char *qemu_usb(struct qemu *q, const char *v) {
    (void)v;
    return q->r->config.usb ? NULL : run_option_set(q->r, "usb", "on");
}

static const char *vga(struct qemu *q, const char *text) {
    (void)text;
    q->vga_given = true;
    return run_option_set(q->r, "vga", "std");
}

/* Devices a guest does without. */
static const char *left_out(struct qemu *q, const char *text) {
    (void)text;
    qemu_note(q->now, "is left out");
    return NULL;
}

/* ---- Drives ---- */

static const char *virtio_disk(struct qemu *q, const char *text) {
    return qemu_drive_device(q, QEMU_VIRTIO, false, text);
}
static const char *ide_disk(struct qemu *q, const char *text) { return qemu_drive_device(q, QEMU_IDE, false, text); }
static const char *ide_cd(struct qemu *q, const char *text) { return qemu_drive_device(q, QEMU_IDE, true, text); }
static const char *floppy(struct qemu *q, const char *text) { return qemu_drive_device(q, QEMU_FLOPPY, false, text); }

/* ---- The table; adapters are in qemu_net.c ---- */

static const struct {
    const char *name;
    qemu_parser *take;
} devices[] = {
    {"isa-debug-exit", debug_exit},
    {"usb-tablet", tablet},
    {"piix3-usb-uhci", qemu_usb},
    {"VGA", vga},
    {"virtio-blk-pci", virtio_disk},
    {"virtio-blk", virtio_disk},
    {"virtio-blk-pci-transitional", virtio_disk},
    {"ide-hd", ide_disk},
    {"ide-cd", ide_cd},
    {"floppy", floppy},
    {"pc-testdev", left_out},
    {"pci-testdev", left_out},
    {"virtio-rng-pci", left_out},
    {"virtio-balloon-pci", left_out},
};

const char *qemu_device(struct qemu *q, const char *v) {
    size_t n = strcspn(v, ",");
    const char *name = opt_copy(q->r, v, n), *text = v[n] ? v + n + 1 : NULL;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (!strcmp(devices[i].name, name)) return devices[i].take(q, text);
    if (qemu_nic_model(name)) return qemu_nic_device(q, name, text);
    return opt_wrong(q->r, "asks for the device %s, which is not there", name);
}

const char *qemu_usbdevice(struct qemu *q, const char *v) {
    return strcmp(v, "tablet") ? "must be tablet" : run_option_set(q->r, "usb", v);
}
