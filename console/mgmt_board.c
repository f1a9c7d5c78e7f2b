/*
 * mgmt_board.c: the board: interrupt controllers, address spaces, network adapters, serial lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "console/mgmt_command.h"

/* ---- PIC ---- */

static json_t *pic(struct mgmt_call *c) {
    struct mon_interrupts n;
    if (!mgmt_asked(c, mon_ask_interrupts(c->machine, &n), NULL)) return NULL;
    json_t *list = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:i, s:i}", "irr", n.pic[i].irr, "imr", n.pic[i].imr,
                                              "isr", n.pic[i].isr, "elcr", n.pic[i].elcr, "base", n.pic[i].base));
    json_t *pins = json_array();
    for (int i = 0; i < MON_IOAPIC_PINS; i++) json_array_append_new(pins, json_integer((json_int_t)n.ioapic[i]));
    return json_pack("{s:o, s:o, s:b, s:b}", "pic", list, "ioapic", pins, "intr", n.intr, "nmi", n.nmi_pending);
}

static unsigned get(const json_t *o, const char *name) {
    return (unsigned)json_integer_value(json_object_get(o, name));
}

static void print_pin(size_t i, uint64_t e, struct mgmt_text *out) {
    static const char *const modes[] = {"fixed", "lowest", "smi", "?", "nmi", "init", "?", "extint"};
    mgmt_print(out, "pin %-2zu 0x%016" PRIx64 " dest=%u vec=%u %s %s%s\n", i, e, (unsigned)(e >> 56),
               (unsigned)(e & 255), modes[e >> 8 & 7], e >> 15 & 1 ? "level" : "edge", e >> 16 & 1 ? " masked" : "");
}

static void print_pic(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(r, "pic"), i, p) {
        mgmt_print(out, "pic%zu: irr=%02x imr=%02x isr=%02x elcr=%02x irq_base=%02x\n", i, get(p, "irr"), get(p, "imr"),
                   get(p, "isr"), get(p, "elcr"), get(p, "base"));
    }
    json_array_foreach(json_object_get(r, "ioapic"), i, p) { print_pin(i, (uint64_t)json_integer_value(p), out); }
}

/* ---- Local APIC: SDM vol. 3 "Local APIC Register Address Map" ---- */

static const struct lapic_register {
    uint16_t at;
    const char *name;
} lapic_registers[] = {{0x020, "id"},          {0x030, "version"},       {0x080, "tpr"},
                       {0x0A0, "ppr"},         {0x0D0, "ldr"},           {0x0E0, "dfr"},
                       {0x0F0, "svr"},         {0x280, "esr"},           {0x300, "icr-low"},
                       {0x310, "icr-high"},    {0x320, "lvt-timer"},     {0x330, "lvt-thermal"},
                       {0x340, "lvt-perf"},    {0x350, "lvt-lint0"},     {0x360, "lvt-lint1"},
                       {0x370, "lvt-error"},   {0x380, "timer-initial"}, {0x390, "timer-current"},
                       {0x3E0, "timer-divide"}};
enum { LAPIC_SHOWN = sizeof lapic_registers / sizeof lapic_registers[0], ISR = 0x100, TMR = 0x180, IRR = 0x200 };

/* The vectors in a set of eight registers. */
static json_t *vectors(const uint32_t *set) {
    json_t *list = json_array();
    for (int v = 0; v < 256; v++)
        if (set[v >> 5] >> (v & 31) & 1) json_array_append_new(list, json_integer(v));
    return list;
}

static json_t *lapic(struct mgmt_call *c) {
    struct mon_interrupts n;
    if (!mgmt_asked(c, mon_ask_interrupts(c->machine, &n), NULL)) return NULL;
    json_t *o = json_pack("{s:I}", "base", (json_int_t)n.apic_base);
    for (int i = 0; i < LAPIC_SHOWN; i++)
        json_object_set_new(o, lapic_registers[i].name, json_integer(n.lapic[lapic_registers[i].at >> 4]));
    json_object_set_new(o, "isr", vectors(&n.lapic[ISR >> 4]));
    json_object_set_new(o, "tmr", vectors(&n.lapic[TMR >> 4]));
    json_object_set_new(o, "irr", vectors(&n.lapic[IRR >> 4]));
    return o;
}

static void print_vectors(const json_t *r, const char *name, struct mgmt_text *out) {
    size_t i;
    json_t *v;
    mgmt_print(out, "%-14s", name);
    json_array_foreach(json_object_get(r, name), i, v) { mgmt_print(out, " %02x", (unsigned)json_integer_value(v)); }
    mgmt_print(out, "%s\n", i ? "" : " (none)");
}

static void print_lapic(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "%-14s 0x%08x\n", "base", get(r, "base"));
    for (int i = 0; i < LAPIC_SHOWN; i++)
        mgmt_print(out, "%-14s 0x%08x\n", lapic_registers[i].name, get(r, lapic_registers[i].name));
    print_vectors(r, "isr", out);
    print_vectors(r, "irr", out);
    print_vectors(r, "tmr", out);
}

/* ---- Address spaces ---- */

static const char *kind_name(const struct mon_range *r) {
    switch (r->kind) {
    case MON_RANGE_RAM: return r->read_only ? "ram, read-only" : "ram";
    case MON_RANGE_ROM: return r->read_only ? "rom" : "device memory";
    default: return r->name;
    }
}

/* Parts of one range may come in two answers. */
static void add_range(json_t *list, const struct mon_range *r) {
    json_t *last = json_array_get(list, json_array_size(list) - 1);
    const char *name = json_string_value(json_object_get(last, "name"));
    bool joins = name && !strcmp(name, kind_name(r)) &&
                 (uint64_t)json_integer_value(json_object_get(last, "last")) + 1 == r->first;
    if (joins)
        json_object_set_new(last, "last", json_integer((json_int_t)r->last));
    else
        json_array_append_new(list, json_pack("{s:I, s:I, s:s}", "first", (json_int_t)r->first, "last",
                                              (json_int_t)r->last, "name", kind_name(r)));
}

static bool memory_ranges(struct mgmt_call *c, json_t *list) {
    struct mon_range range[MON_RANGES];
    uint64_t at = 0;
    do {
        unsigned n;
        if (!mgmt_asked(c, mon_ask_memory_map(c->machine, at, range, &n, &at), NULL)) return false;
        for (unsigned i = 0; i < n; i++) add_range(list, &range[i]);
    } while (at);
    return true;
}

static bool port_ranges(struct mgmt_call *c, json_t *list) {
    struct mon_range range[MON_RANGES];
    uint32_t at = 0;
    do {
        unsigned n;
        if (!mgmt_asked(c, mon_ask_port_map(c->machine, at, range, &n, &at), NULL)) return false;
        for (unsigned i = 0; i < n; i++) add_range(list, &range[i]);
    } while (at);
    return true;
}

static json_t *mtree(struct mgmt_call *c) {
    json_t *memory = json_array(), *ports = json_array();
    if (memory_ranges(c, memory) && port_ranges(c, ports))
        return json_pack("{s:o, s:o}", "memory", memory, "io", ports);
    json_decref(memory);
    json_decref(ports);
    return NULL;
}

static void print_ranges(const json_t *list, int digits, struct mgmt_text *out) {
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r) {
        mgmt_print(out, "  %0*" PRIx64 "-%0*" PRIx64 ": %s\n", digits,
                   (uint64_t)json_integer_value(json_object_get(r, "first")), digits,
                   (uint64_t)json_integer_value(json_object_get(r, "last")),
                   json_string_value(json_object_get(r, "name")));
    }
}

static void print_mtree(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "memory\n");
    print_ranges(json_object_get(r, "memory"), 8, out);
    mgmt_print(out, "I/O ports\n");
    print_ranges(json_object_get(r, "io"), 4, out);
}

/* ---- Network and serial lines: as configured ---- */

static json_t *nic(const struct mon_nic_config *n, unsigned i) {
    uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + i)};
    char text[24];
    if (n->mac_given) memcpy(mac, n->mac, sizeof mac);
    snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    json_t *o = json_pack("{s:s, s:s, s:s}", "model", n->model ? n->model : mon_nic_models()[0], "mac", text, "network",
                          n->kind == MON_NET_TAP ? "tap" : "user");
    if (n->kind == MON_NET_TAP) json_object_set_new(o, "fd", json_integer(n->fd));
    if (n->hostfwds) json_object_set_new(o, "forwarded-ports", json_integer(n->hostfwds));
    return o;
}

static json_t *network(struct mgmt_call *c) {
    const struct mon_net_config *net = &mgmt_vm_config(c->mgmt)->net;
    json_t *list = json_array();
    for (unsigned i = 0; i < net->nics; i++) json_array_append_new(list, nic(&net->nic[i], i));
    return list;
}

static void print_network(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *n;
    json_array_foreach(r, i, n) {
        mgmt_print(out, "net%zu: model=%s,macaddr=%s,network=%s\n", i, json_string_value(json_object_get(n, "model")),
                   json_string_value(json_object_get(n, "mac")), json_string_value(json_object_get(n, "network")));
    }
}

static const char *where(const struct mon_chr_config *c, char *buf, size_t size) {
    static const char *const names[] = {"none", "null", "stdio", "file", "unix", "pty"};
    if (!c->path) return names[c->kind];
    snprintf(buf, size, "%s:%s", names[c->kind], c->path);
    return buf;
}

static void add_chr(json_t *list, const char *label, const struct mon_chr_config *c) {
    char buf[4200];
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:b}", "label", label, "filename", where(c, buf, sizeof buf), "frontend-open", 1));
}

static json_t *query_chardev(struct mgmt_call *c) {
    const struct mon_config *config = mgmt_vm_config(c->mgmt);
    json_t *list = json_array();
    for (unsigned i = 0; i < config->serials; i++) {
        char label[20];
        snprintf(label, sizeof label, "serial%u", i);
        add_chr(list, label, &config->serial[i]);
    }
    if (config->parallel.kind != MON_CHR_NONE) add_chr(list, "parallel0", &config->parallel);
    if (config->debugcon.kind != MON_CHR_NONE) add_chr(list, "debugcon", &config->debugcon);
    return list;
}

static void print_chardev(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *c;
    json_array_foreach(r, i, c) {
        mgmt_print(out, "%s: filename=%s\n", json_string_value(json_object_get(c, "label")),
                   json_string_value(json_object_get(c, "filename")));
    }
}

const struct mgmt_command mgmt_board_commands[] = {
    {"x-novt-interrupts", "info pic", NULL, "the interrupt controllers on the board", "{pic, ioapic, intr, nmi}", pic,
     print_pic},
    {"x-novt-lapic", "info lapic", NULL, "the local APIC", "registers by name", lapic, print_lapic},
    {"x-novt-mtree", "info mtree", NULL, "what is where in memory and among the I/O ports", "{memory, io}", mtree,
     print_mtree},
    {"x-novt-network", "info network", NULL, "the network adapters", "list of adapters", network, print_network},
    {"query-chardev", "info chardev", NULL, "where serial lines and the like lead", "list of {label, filename}",
     query_chardev, print_chardev},
    {0},
};
