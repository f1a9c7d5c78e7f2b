/* qemu_options.c: novt-qemu: the machine, its CPU and memory, what to boot. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "console/options.h"
#include "console/parse.h"
#include "console/qemu_internal.h"

/* ---- Memory and CPUs ---- */

static const struct kv_key memory_keys[] = {
    {.name = "size", .type = KV_TEXT, .implied = true}, QEMU_SKIP("slots"), QEMU_SKIP("maxmem"), {0}};

const char *qemu_memory(struct qemu *q, const char *v) {
    const char *size = NULL, *wrong = kv_parse(q->r, v, memory_keys, &size);
    if (wrong) return wrong;
    return size ? run_option_set(q->r, "memory", size) : "names no size";
}

/* Every number that a topology has must be one. */
static const char *take_one(struct run_options *r, void *target, const char *v) {
    uint64_t n;
    (void)r, (void)target;
    if (!parse_number(v, UINT32_MAX, &n)) return "must be a number";
    return n == 1 ? NULL : "must be 1: the machine has one CPU";
}

#define ONE(key)                                                                                                       \
    { .name = key, .type = KV_CALL, .call = take_one }

static const struct kv_key smp_keys[] = {
    {.name = "cpus", .type = KV_CALL, .call = take_one, .implied = true},
    ONE("maxcpus"),
    ONE("sockets"),
    ONE("dies"),
    ONE("cores"),
    ONE("threads"),
    {0},
};

const char *qemu_smp(struct qemu *q, const char *v) { return kv_parse(q->r, v, smp_keys, NULL); }

struct cpu_name {
    const char *qemu, *novt; /* novt NULL: the default */
    bool differs;            /* worth a note */
};

static const struct cpu_name cpu_names[] = {
    {"qemu32", NULL, false}, {"kvm32", NULL, false},         {"n270", NULL, false},          {"coreduo", NULL, false},
    {"base", NULL, true},    {"qemu64", NULL, true},         {"kvm64", NULL, true},          {"host", NULL, true},
    {"max", NULL, true},     {"core2duo", NULL, true},       {"Conroe", NULL, true},         {"Penryn", NULL, true},
    {"Nehalem", NULL, true}, {"pentium2", "pentium3", true}, {"athlon", "athlon-xp", false},
};

static const char *cpu_named(struct qemu *q, const char *name) {
    for (size_t i = 0; i < sizeof cpu_names / sizeof cpu_names[0]; i++) {
        const struct cpu_name *c = &cpu_names[i];
        if (strcmp(c->qemu, name)) continue;
        const char *model = c->novt ? c->novt : mon_cpu_names()[0];
        if (c->differs) qemu_note(q->now, qemu_text(q->r, "is run as %s, a 32-bit CPU", model));
        return run_option_set(q->r, "cpu", model);
    }
    for (const char *const *n = mon_cpu_names(); *n; n++)
        if (!strcmp(*n, name)) return run_option_set(q->r, "cpu", name);
    return "is not there; there are qemu32, max, 486, pentium, pentium3, athlon, core32 and max32";
}

const char *qemu_cpu(struct qemu *q, const char *v) {
    size_t name = strcspn(v, ",");
    if (v[name]) qemu_note(q->now, "changes features of a model, which has no effect");
    return cpu_named(q, opt_copy(q->r, v, name));
}

/* ---- The machine ---- */

/* An accelerator, or several with colons between; KVM's name is known, but it is not used. */
static const char *take_accel(struct run_options *r, void *target, const char *v) {
    struct qemu *q = target;
    bool translates = false;
    if (!*v) return "must be tcg or kvm";
    (void)r;
    for (const char *p = v; *p;) {
        size_t n = strcspn(p, ":");
        bool tcg = n == 3 && !memcmp(p, "tcg", n), kvm = n == 3 && !memcmp(p, "kvm", n);
        if (!tcg && !kvm) return "must be tcg or kvm";
        translates |= tcg;
        p += n + (p[n] == ':');
    }
    if (!translates) qemu_note(q->now, "names KVM, which is not used: guest code is translated");
    return NULL;
}

/* pc and what stands for one of its versions. */
static const char *take_type(struct run_options *r, void *target, const char *v) {
    (void)target;
    bool pc = !strcmp(v, "pc") || !strncmp(v, "pc-i440fx-", 10);
    return pc ? NULL : opt_wrong(r, "asks for the machine %s; there is only pc", v);
}

static const char *take_usb(struct run_options *r, void *target, const char *v) {
    (void)r;
    return strcmp(v, "on") ? NULL : qemu_usb(target, NULL);
}

static const struct kv_key machine_keys[] = {
    {.name = "type", .type = KV_CALL, .call = take_type, .implied = true},
    {.name = "accel", .type = KV_CALL, .call = take_accel},
    {.name = "usb", .type = KV_CALL, .call = take_usb},
    QEMU_SKIP("vmport"),
    QEMU_SKIP("acpi"),
    QEMU_SKIP("hpet"),
    QEMU_SKIP("smm"),
    QEMU_SKIP("graphics"),
    QEMU_SKIP("kernel_irqchip"),
    QEMU_SKIP("kernel-irqchip"),
    QEMU_SKIP("mem-merge"),
    QEMU_SKIP("dump-guest-core"),
    {0},
};

static bool starts_with_key(const char *v, const struct kv_key *keys) {
    size_t n = strcspn(v, "=,");
    if (v[n] != '=') return false;
    for (; keys->name; keys++)
        if (strlen(keys->name) == n && !memcmp(keys->name, v, n)) return true;
    return false;
}

/* kernel_irqchip=off and the like may come first: then the machine is not named. */
const char *qemu_machine(struct qemu *q, const char *v) {
    const char *text = starts_with_key(v, machine_keys) ? v : qemu_text(q->r, "type=%s", v);
    return kv_parse(q->r, text, machine_keys, q);
}

static const struct kv_key accel_keys[] = {
    {.name = "accel", .type = KV_CALL, .call = take_accel, .implied = true},
    QEMU_SKIP("thread"),
    QEMU_SKIP("tb-size"),
    QEMU_SKIP("kernel-irqchip"),
    {0},
};

const char *qemu_accel(struct qemu *q, const char *v) { return kv_parse(q->r, v, accel_keys, q); }

const char *qemu_nodefaults(struct qemu *q, const char *v) { return (void)v, q->nodefaults = true, NULL; }

const char *qemu_s(struct qemu *q, const char *v) { return (void)v, run_option_set(q->r, "gdb", "tcp::1234"); }

const char *qemu_no_reboot(struct qemu *q, const char *v) {
    q->r->config.triple_fault_code = 0; /* for QEMU a triple fault is one reason of a reset */
    return run_option_set(q->r, "no-reboot", v);
}

/* ---- Clock ---- */

static const struct kv_key rtc_keys[] = {
    {.name = "base", .type = KV_TEXT}, QEMU_SKIP("clock"), QEMU_SKIP("driftfix"), {0}};

const char *qemu_rtc(struct qemu *q, const char *v) {
    const char *base = NULL, *wrong = kv_parse(q->r, v, rtc_keys, &base);
    return wrong || !base ? wrong : run_option_set(q->r, "rtc", base);
}

/* ---- What to boot ---- */

struct boot {
    const char *order, *once, *splash_time;
    bool menu;
};

static const struct kv_key boot_keys[] = {
    {.name = "order", .type = KV_TEXT, .at = offsetof(struct boot, order), .implied = true},
    {.name = "once", .type = KV_TEXT, .at = offsetof(struct boot, once)},
    {.name = "menu", .type = KV_SWITCH, .at = offsetof(struct boot, menu)},
    {.name = "splash-time", .type = KV_TEXT, .at = offsetof(struct boot, splash_time)},
    QEMU_SKIP("strict"),
    {0},
};

static const char *pass_boot(struct run_options *r, const char *key, const char *value) {
    return value ? run_option_set(r, "boot", qemu_text(r, "%s=%s", key, opt_double_commas(r, value))) : NULL;
}

const char *qemu_boot(struct qemu *q, const char *v) {
    struct boot b = {0};
    const char *wrong = kv_parse(q->r, v, boot_keys, &b);
    if (!wrong) wrong = pass_boot(q->r, "order", b.order);
    if (!wrong) wrong = pass_boot(q->r, "once", b.once);
    if (!wrong) wrong = pass_boot(q->r, "menu", b.menu ? "on" : NULL);
    return wrong ? wrong : pass_boot(q->r, "menu-time", b.splash_time);
}

/* The file of that name; else Multiboot modules with commas between, a comma in a name doubled. */
const char *qemu_initrd(struct qemu *q, const char *v) {
    const char *wrong = NULL;
    if (!strchr(v, ',') || !access(v, F_OK)) return run_option_set(q->r, "initrd", v);
    while (!wrong && v) {
        char *file = opt_copy(q->r, v, strlen(v)), *out = file;
        for (; *v && (*v != ',' || v[1] == ','); *out++ = *v++)
            if (*v == ',') v++;
        *out = 0;
        v = *v ? v + 1 : NULL;
        wrong = run_option_set(q->r, "initrd", file);
    }
    return wrong;
}

/* ---- Its name: [guest=]NAME and what else belongs to QEMU's process ---- */

const char *qemu_name(struct qemu *q, const char *v) {
    static const char key[] = "guest=";
    if (!strncmp(v, key, sizeof key - 1)) v += sizeof key - 1;
    size_t len = strcspn(v, ",");
    return memchr(v, '=', len) ? NULL : run_option_set(q->r, "name", opt_copy(q->r, v, len));
}
