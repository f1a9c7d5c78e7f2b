/*
 * mgmt_devices.c: i, o, sum, memsave, pmemsave, info pci, info qtree, info usb, info roms: what QEMU's monitor does
 * with memory, ports and devices, with the same numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "console/mgmt_file.h"
#include "monitor/inspect_devices.h"

enum { SAVE_MAX = 256 << 20 };

static int64_t get(const json_t *o, const char *name) { return json_integer_value(json_object_get(o, name)); }

/* ---- Ports ---- */

/* From /b, /h, /w or nothing. 0: c->error. */
static unsigned port_size(struct mgmt_call *c) {
    const char *format = mgmt_arg_text(c, "format", ""), *letters = format + strspn(format, "x");
    if (!strcmp(letters, "b") || !*letters) return 1;
    if (!strcmp(letters, "h")) return 2;
    if (!strcmp(letters, "w")) return 4;
    mgmt_fail(c, "bad format '%.20s': b, h or w", format);
    return 0;
}

static bool port_access(struct mgmt_call *c, bool write, uint32_t *value) {
    char why[160];
    int64_t port = mgmt_arg_int(c, "port", 0);
    unsigned size = port_size(c);
    if (!size) return false;
    if (port < 0 || port > UINT16_MAX) return mgmt_fail(c, "a port is a number from 0 to 0xffff"), false;
    return mgmt_asked(
        c, mon_ask_port(c->machine, (uint16_t)port, size, write, mgmt_arg_bool(c, "force"), value, why, sizeof why),
        why);
}

static json_t *in(struct mgmt_call *c) {
    uint32_t value = 0;
    if (!port_access(c, false, &value)) return NULL;
    return json_pack("{s:I, s:I, s:i}", "port", (json_int_t)mgmt_arg_int(c, "port", 0), "value", (json_int_t)value,
                     "size", (int)port_size(c));
}

static void print_in(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n", "?bw?l"[get(r, "size") & 7],
               (uint64_t)get(r, "port"), (int)get(r, "size") * 2, (uint64_t)get(r, "value"));
}

static json_t *out(struct mgmt_call *c) {
    uint32_t value = (uint32_t)mgmt_arg_int(c, "value", 0);
    return port_access(c, true, &value) ? mgmt_nothing() : NULL;
}

/* ---- Memory to files, sums ---- */

typedef bool part_fn(void *opaque, const uint8_t *bytes, size_t n);

static bool each_part(struct mgmt_call *c, bool physical, uint64_t at, uint64_t size, part_fn *fn, void *opaque) {
    uint8_t bytes[MON_MEMORY_MAX];
    char why[160];
    for (size_t part; size; at += part, size -= part) {
        part = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (!mgmt_asked(c, mon_ask_memory(c->machine, physical, at, bytes, part, why, sizeof why), why)) return false;
        if (!fn(opaque, bytes, part)) return false;
    }
    return true;
}

static bool range(struct mgmt_call *c, const char *address, uint64_t *at, uint64_t *size) {
    int64_t n = mgmt_arg_int(c, "size", 0);
    *at = (uint64_t)mgmt_arg_int(c, address, 0);
    *size = (uint64_t)n;
    if (n < 1 || n > SAVE_MAX) return mgmt_fail(c, "Parameter 'size' must be 1 to %d", SAVE_MAX), false;
    return true;
}

static bool save_part(void *opaque, const uint8_t *bytes, size_t n) { return fwrite(bytes, 1, n, opaque) == n; }

static json_t *save(struct mgmt_call *c, bool physical) {
    const char *path = mgmt_arg_text(c, "filename", "");
    uint64_t at, size;
    if (!range(c, "val", &at, &size)) return NULL;
    FILE *f = mgmt_file_open(path);
    bool ok = f && each_part(c, physical, at, size, save_part, f);
    int error = errno;
    if (f && fclose(f)) ok = false, error = errno;
    if (ok) return mgmt_nothing();
    return c->error[0] ? NULL : mgmt_fail(c, "cannot write %.300s: %s", path, strerror(error));
}

static json_t *memsave(struct mgmt_call *c) { return save(c, false); }
static json_t *pmemsave(struct mgmt_call *c) { return save(c, true); }

/* The checksum of BSD's sum: turned right by one for each byte. */
static bool sum_part(void *opaque, const uint8_t *bytes, size_t n) {
    uint16_t *sum = opaque;
    for (size_t i = 0; i < n; i++) *sum = (uint16_t)((*sum >> 1 | *sum << 15) + bytes[i]);
    return true;
}

static json_t *sum(struct mgmt_call *c) {
    uint64_t at, size;
    uint16_t v = 0;
    if (!range(c, "address", &at, &size) || !each_part(c, true, at, size, sum_part, &v)) return NULL;
    return json_pack("{s:i}", "sum", (int)v);
}

static void print_sum(json_t *r, struct mgmt_text *text) { mgmt_print(text, "%05" PRId64 "\n", get(r, "sum")); }

/* ---- Devices ---- */

static json_t *devices(struct mgmt_call *c) {
    struct mon_devices d;
    if (!mgmt_asked(c, mon_ask_devices(c->machine, &d), NULL)) return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < d.n; i++) json_array_append_new(list, json_string(d.name[i]));
    return list;
}

static void print_devices(json_t *r, struct mgmt_text *text) {
    const json_t *name;
    size_t i;
    json_array_foreach(r, i, name) { mgmt_print(text, "dev: %s\n", json_string_value(name)); }
}

static json_t *usb(struct mgmt_call *c) {
    struct mon_usb u;
    if (!mgmt_vm_config(c->mgmt)->usb) return mgmt_fail(c, "the machine has no USB");
    if (!mgmt_asked(c, mon_ask_usb(c->machine, &u), NULL)) return NULL;
    json_t *list = json_array();
    for (int i = 0; i < MON_USB_PORTS; i++)
        if (u.port[i].plugged)
            json_array_append_new(list,
                                  json_pack("{s:i, s:i, s:i, s:i, s:s}", "bus", 0, "address", (int)u.port[i].address,
                                            "port", i + 1, "speed", 12, "product", "USB Tablet"));
    return list;
}

static void print_usb(json_t *r, struct mgmt_text *text) {
    const json_t *d;
    size_t i;
    json_array_foreach(r, i, d) {
        mgmt_print(text, "  Device %" PRId64 ".%" PRId64 ", Port %" PRId64 ", Speed %" PRId64 " Mb/s, Product %s\n",
                   get(d, "bus"), get(d, "address"), get(d, "port"), get(d, "speed"),
                   json_string_value(json_object_get(d, "product")));
    }
}

static json_t *roms(struct mgmt_call *c) {
    struct mon_roms all;
    if (!mgmt_asked(c, mon_ask_roms(c->machine, &all), NULL)) return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < all.n; i++) {
        json_t *o = json_pack("{s:s, s:I}", "name", all.rom[i].name, "size", (json_int_t)all.rom[i].size);
        if (all.rom[i].address) json_object_set_new(o, "address", json_integer((json_int_t)all.rom[i].address));
        json_array_append_new(list, o);
    }
    return list;
}

static void print_roms(json_t *r, struct mgmt_text *text) {
    const json_t *o;
    size_t i;
    json_array_foreach(r, i, o) {
        if (json_object_get(o, "address"))
            mgmt_print(text, "addr=%016" PRIx64, (uint64_t)get(o, "address"));
        else
            mgmt_print(text, "pci");
        mgmt_print(text, " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n", (uint64_t)get(o, "size"),
                   json_string_value(json_object_get(o, "name")));
    }
}

static json_t *memory_size(struct mgmt_call *c) {
    return json_pack("{s:I}", "base-memory", (json_int_t)mgmt_vm_config(c->mgmt)->memory);
}

static void print_memory_size(json_t *r, struct mgmt_text *text) {
    mgmt_print(text, "base memory: %" PRId64 "\n", get(r, "base-memory"));
}

static const char *class_name(uint16_t class) {
    static const struct {
        uint16_t class;
        const char *name;
    } names[] = {{0x0100, "SCSI controller"}, {0x0101, "IDE controller"}, {0x0200, "Ethernet controller"},
                 {0x0300, "VGA controller"},  {0x0600, "Host bridge"},    {0x0601, "ISA bridge"},
                 {0x0680, "Bridge"},          {0x0C03, "USB controller"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].class == class) return names[i].name;
    return NULL;
}

static json_t *regions(const struct mon_pci_device *d) {
    json_t *list = json_array();
    for (unsigned i = 0; i < d->regions; i++) {
        json_t *o =
            json_pack("{s:i, s:s, s:I, s:I}", "bar", (int)d->region[i].bar, "type", d->region[i].io ? "io" : "memory",
                      "address", (json_int_t)(d->region[i].mapped ? (int64_t)d->region[i].address : -1), "size",
                      (json_int_t)d->region[i].size);
        if (!d->region[i].io) {
            json_object_set_new(o, "prefetch", json_boolean(d->region[i].prefetch));
            json_object_set_new(o, "mem_type_64", json_false());
        }
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *pci_device(const struct mon_pci_device *d) {
    json_t *class = json_pack("{s:i}", "class", (int)d->class);
    if (class_name(d->class)) json_object_set_new(class, "desc", json_string(class_name(d->class)));
    json_t *id = json_pack("{s:i, s:i, s:i, s:i}", "device", (int)d->device, "vendor", (int)d->vendor, "subsystem",
                           (int)d->subsys, "subsystem-vendor", (int)d->subsys_vendor);
    json_t *o = json_pack("{s:i, s:i, s:i, s:o, s:o, s:i, s:s, s:o}", "bus", 0, "slot", (int)d->slot, "function",
                          (int)d->function, "class_info", class, "id", id, "irq_pin", (int)d->irq_pin, "qdev_id", "",
                          "regions", regions(d));
    if (d->irq_pin) json_object_set_new(o, "irq", json_integer(d->irq_line));
    return o;
}

static json_t *query_pci(struct mgmt_call *c) {
    struct mon_pci p;
    if (!mgmt_asked(c, mon_ask_pci(c->machine, &p), NULL)) return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < p.n; i++) json_array_append_new(list, pci_device(&p.device[i]));
    return json_pack("[{s:i, s:o}]", "bus", 0, "devices", list);
}

static void print_region(const json_t *r, struct mgmt_text *text) {
    const char *type = json_string_value(json_object_get(r, "type"));
    int64_t at = get(r, "address"), size = get(r, "size");
    bool io = !strcmp(type, "io");
    bool prefetch = json_is_true(json_object_get(r, "prefetch"));
    mgmt_print(text, "      BAR%" PRId64 ": %s ", get(r, "bar"),
               io         ? "I/O"
               : prefetch ? "32 bit prefetchable memory"
                          : "32 bit memory");
    if (at < 0)
        mgmt_print(text, "not mapped, size 0x%" PRIx64 ".\n", (uint64_t)size);
    else
        mgmt_print(text, "at 0x%0*" PRIx64 " [0x%0*" PRIx64 "].\n", io ? 4 : 8, (uint64_t)at, io ? 4 : 8,
                   (uint64_t)(at + size - 1));
}

static void print_pci(json_t *r, struct mgmt_text *text) {
    const json_t *d, *w;
    size_t i, j;
    json_array_foreach(json_object_get(json_array_get(r, 0), "devices"), i, d) {
        const json_t *class = json_object_get(d, "class_info"), *id = json_object_get(d, "id");
        const char *desc = json_string_value(json_object_get(class, "desc"));
        mgmt_print(text, "  Bus  0, device %3" PRId64 ", function %" PRId64 ":\n    ", get(d, "slot"),
                   get(d, "function"));
        if (desc)
            mgmt_print(text, "%s", desc);
        else
            mgmt_print(text, "Class %04" PRIx64, (uint64_t)get(class, "class"));
        mgmt_print(text, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", (uint64_t)get(id, "vendor"),
                   (uint64_t)get(id, "device"));
        if (get(d, "irq_pin"))
            mgmt_print(text, "      IRQ %" PRId64 ", pin %c\n", get(d, "irq"), (int)('A' + get(d, "irq_pin") - 1));
        json_array_foreach(json_object_get(d, "regions"), j, w) print_region(w, text);
    }
}

#define FORCE                                                                                                          \
    {                                                                                                                  \
        .name = "force", .type = MGMT_BOOL, .optional = true, .option = true,                                          \
        .help = "also where a device answers, which may change it"                                                     \
    }
#define FORMAT                                                                                                         \
    { .name = "format", .type = MGMT_FORMAT, .optional = true, .help = "b, h or w: bytes, 2 or 4 of them" }
#define FILE_ARG                                                                                                       \
    { .name = "filename", .type = MGMT_STRING, .help = "where to, as the machine's process sees it" }
static const struct mgmt_arg in_args[] = {FORMAT, {.name = "port", .type = MGMT_EXPR}, FORCE, {0}};
static const struct mgmt_arg out_args[] = {
    FORMAT, {.name = "port", .type = MGMT_INT}, {.name = "value", .type = MGMT_INT}, FORCE, {0}};
static const struct mgmt_arg sum_args[] = {
    {.name = "address", .type = MGMT_INT}, {.name = "size", .type = MGMT_INT, .help = "bytes, up to 256 MiB"}, {0}};
static const struct mgmt_arg save_args[] = {
    {.name = "val", .type = MGMT_INT, .help = "address"},
    {.name = "size", .type = MGMT_INT, .help = "bytes, up to 256 MiB"},
    FILE_ARG,
    {.name = "cpu-index", .type = MGMT_INT, .optional = true, .help = "for QEMU's clients; there is one CPU"},
    {0}};

const struct mgmt_command mgmt_devices_commands[] = {
    {"x-novt-port-read", "i", in_args, "read a port", "{port, value, size}", in, print_in},
    {"x-novt-port-write", "o", out_args, "write a port", NULL, out, NULL},
    {"x-novt-sum", "sum", sum_args, "a checksum of guest-physical memory, as BSD's sum makes it", "{sum}", sum,
     print_sum},
    {"memsave", "memsave", save_args, "write guest-linear memory to a file", NULL, memsave, NULL},
    {"pmemsave", "pmemsave", save_args, "write guest-physical memory to a file", NULL, pmemsave, NULL},
    {"x-novt-devices", "info qtree", NULL, "the devices of the board, in the order of their reset", "list of names",
     devices, print_devices},
    {"x-novt-usb", "info usb", NULL, "what is plugged into the USB controller; address 0: not set up by the guest yet",
     "list of {bus, address, port, speed, product}", usb, print_usb},
    {"x-novt-roms", "info roms", NULL, "the images in read-only memory", "list of {name, size, address}", roms,
     print_roms},
    {"query-memory-size-summary", "info memory_size_summary", NULL, "how much memory the machine has", "{base-memory}",
     memory_size, print_memory_size},
    {"query-pci", "info pci", NULL, "the devices on the PCI bus and where they answer", "list of buses", query_pci,
     print_pci},
    {0},
};
