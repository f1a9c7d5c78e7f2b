/*
 * qemu_net.c: novt-qemu: networks and their adapters. Both are collected, joined
 * when all are known, and passed on as --net. Forwarded ports whose address is
 * not given are those of the loopback address, as with --net.
 */
#include <stddef.h>
#include <string.h>
#include "console/options.h"
#include "console/qemu_internal.h"

/* ---- Networks ---- */

/* What kv_parse fills for -netdev, -nic and -net user. */
struct net {
    const char *kind, *keys, *id, *model, *mac, *rom;
};

static const char *take_kind(struct run_options *r, void *target, const char *v) {
    struct net *n = target;
    if (strcmp(v, "user") && strcmp(v, "tap")) return opt_wrong(r, "asks for %s; there are user and tap,fd=N", v);
    return n->kind = v, NULL;
}

static const char *add(struct run_options *r, struct net *n, const char *key, const char *v) {
    n->keys = qemu_text(r, "%s,%s=%s", n->keys ? n->keys : "", key, opt_double_commas(r, v));
    return NULL;
}

static const char *text_of(struct run_options *r, const struct net *n) {
    return qemu_text(r, "%s%s", n->kind ? n->kind : "user", n->keys ? n->keys : "");
}

/* The protocol may be left out. */
static const char *take_hostfwd(struct run_options *r, void *target, const char *v) {
    return add(r, target, "hostfwd", *v == ':' ? qemu_text(r, "tcp%s", v) : v);
}
static const char *take_restrict(struct run_options *r, void *target, const char *v) {
    return add(r, target, "restrict", !strcmp(v, "yes") || !strcmp(v, "y") ? "on" : v);
}
static const char *take_tftp(struct run_options *r, void *target, const char *v) { return add(r, target, "tftp", v); }
static const char *take_bootfile(struct run_options *r, void *target, const char *v) {
    return add(r, target, "bootfile", v);
}
static const char *take_fd(struct run_options *r, void *target, const char *v) { return add(r, target, "fd", v); }

#define NETWORK_KEYS                                                                                                   \
    {.name = "type", .type = KV_CALL, .call = take_kind, .implied = true},                                             \
        {.name = "id", .type = KV_TEXT, .at = offsetof(struct net, id)},                                               \
        {.name = "hostfwd", .type = KV_CALL, .call = take_hostfwd, .repeats = true},                                   \
        {.name = "restrict", .type = KV_CALL, .call = take_restrict},                                                  \
        {.name = "tftp", .type = KV_CALL, .call = take_tftp},                                                          \
        {.name = "bootfile", .type = KV_CALL, .call = take_bootfile}, {                                                \
        .name = "fd", .type = KV_CALL, .call = take_fd                                                                 \
    }

static const struct kv_key netdev_keys[] = {NETWORK_KEYS, {0}};
static const struct kv_key nic_keys[] = {
    NETWORK_KEYS,
    {.name = "model", .type = KV_TEXT, .at = offsetof(struct net, model)},
    {.name = "mac", .type = KV_TEXT, .at = offsetof(struct net, mac)},
    {0},
};

static const char *add_netdev(struct qemu *q, const struct net *n) {
    if (q->netdevs == QEMU_NETDEVS) return "is one network too many";
    q->netdev[q->netdevs++] = (struct qemu_netdev){.given = q->now, .id = n->id, .text = text_of(q->r, n)};
    return NULL;
}

static struct qemu_netdev *find_netdev(struct qemu *q, const char *id) {
    for (unsigned i = 0; i < q->netdevs; i++) {
        const char *other = q->netdev[i].id;
        if (id ? other && !strcmp(other, id) : !other) return &q->netdev[i];
    }
    return NULL;
}

const char *qemu_netdev(struct qemu *q, const char *v) {
    struct net n = {0};
    q->net_given = true;
    const char *wrong = kv_parse(q->r, v, netdev_keys, &n);
    if (wrong) return wrong;
    if (!n.kind) return "must start with user or tap";
    if (!n.id) return "needs id=ID";
    return find_netdev(q, n.id) ? opt_wrong(q->r, "has the id '%s' again", n.id) : add_netdev(q, &n);
}

/* ---- Adapters ---- */

static const struct {
    const char *qemu, *novt;
} models[] = {
    {"e1000", "e1000"},
    {"e1000-82540em", "e1000"},
    {"rtl8139", "rtl8139"},
    {"virtio", "virtio"},
    {"virtio-net", "virtio"},
    {"virtio-net-pci", "virtio"},
    {"virtio-net-pci-transitional", "virtio"},
    {"ne2k_pci", "ne2k_pci"},
    {"ne2k_isa", "ne2k_isa"},
};

const char *qemu_nic_model(const char *name) {
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (!strcmp(models[i].qemu, name)) return models[i].novt;
    return NULL;
}

static const char *add_nic(struct qemu *q, const struct net *n, const char *netdev, const char *text) {
    const char *model = n->model ? qemu_nic_model(n->model) : "e1000";
    q->net_given = true;
    if (!model)
        return opt_wrong(q->r, "asks for the adapter %s; there are e1000, rtl8139, virtio, ne2k_pci and ne2k_isa",
                         n->model);
    if (q->nics == QEMU_NICS) return "is one adapter too many";
    q->nic[q->nics++] = (struct qemu_nic){
        .given = q->now, .model = model, .mac = n->mac, .rom = n->rom, .netdev = netdev, .text = text};
    return NULL;
}

const char *qemu_nic(struct qemu *q, const char *v) {
    struct net n = {0};
    q->net_given = true;
    if (!strcmp(v, "none")) return q->net_none = true, NULL;
    const char *wrong = kv_parse(q->r, v, nic_keys, &n);
    return wrong ? wrong : add_nic(q, &n, NULL, text_of(q->r, &n));
}

static const struct kv_key device_keys[] = {
    {.name = "netdev", .type = KV_TEXT, .at = offsetof(struct net, id)},
    {.name = "mac", .type = KV_TEXT, .at = offsetof(struct net, mac)},
    {.name = "romfile", .type = KV_TEXT, .at = offsetof(struct net, rom)},
    QEMU_SKIP("id"),
    QEMU_SKIP("bus"),
    QEMU_SKIP("addr"),
    QEMU_SKIP("bootindex"),
    QEMU_SKIP("disable-legacy"),
    QEMU_SKIP("disable-modern"),
    {0},
};

const char *qemu_nic_device(struct qemu *q, const char *model, const char *text) {
    struct net n = {.model = model};
    const char *wrong = text ? kv_parse(q->r, text, device_keys, &n) : NULL;
    if (wrong) return wrong;
    return n.id ? add_nic(q, &n, n.id, NULL) : "needs netdev=ID, of a -netdev with id=ID";
}

/* ---- -net: all adapters are on one network ---- */

static const struct kv_key net_nic_keys[] = {
    {.name = "model", .type = KV_TEXT, .at = offsetof(struct net, model)},
    {.name = "macaddr", .type = KV_TEXT, .at = offsetof(struct net, mac)},
    {.name = "netdev", .type = KV_TEXT, .at = offsetof(struct net, id)},
    QEMU_SKIP("name"),
    QEMU_SKIP("addr"),
    {0},
};

static const char *net_nic(struct qemu *q, const char *text) {
    struct net n = {0};
    const char *wrong = text ? kv_parse(q->r, text, net_nic_keys, &n) : NULL;
    return wrong ? wrong : add_nic(q, &n, n.id, NULL);
}

static const char *net_network(struct qemu *q, const char *v) {
    struct net n = {0};
    const char *wrong = kv_parse(q->r, v, netdev_keys, &n);
    n.id = NULL;
    if (wrong) return wrong;
    return find_netdev(q, NULL) ? "is a second network of -net" : add_netdev(q, &n);
}

const char *qemu_net(struct qemu *q, const char *v) {
    size_t n = strcspn(v, ",");
    q->net_given = true;
    if (!strcmp(v, "none")) return q->net_none = true, NULL;
    if (n == 3 && !memcmp(v, "nic", n)) return net_nic(q, v[n] ? v + n + 1 : NULL);
    return net_network(q, v);
}

/* ---- As options of novt run ---- */

/* The network of an adapter. Forwarded ports and descriptors cannot be had twice, so each network is for one. */
static const char *network_of(struct qemu *q, const struct qemu_nic *n, const char **text) {
    if (n->text) return *text = n->text, NULL;
    struct qemu_netdev *d = find_netdev(q, n->netdev);
    if (!d && !n->netdev) return "has no network: a -net user is needed";
    if (!d) return opt_wrong(q->r, "names the network '%s', and no -netdev has this id", n->netdev);
    if (d->used) return "is on a network that another adapter has";
    d->used = true;
    return *text = d->text, NULL;
}

static const char *pass(struct qemu *q, const struct qemu_nic *n) {
    const char *text = "user", *wrong = network_of(q, n, &text);
    if (wrong) return wrong;
    text = qemu_text(q->r, "%s,model=%s", text, n->model);
    if (n->mac) text = qemu_text(q->r, "%s,mac=%s", text, opt_double_commas(q->r, n->mac));
    if (n->rom) text = qemu_text(q->r, "%s,rom=%s", text, *n->rom ? opt_double_commas(q->r, n->rom) : "none");
    return run_option_set(q->r, "net", text);
}

int qemu_net_settle(struct qemu *q) {
    if (!q->net_given && !q->nodefaults) return 0;
    if (q->net_none && (q->nics || q->netdevs))
        return qemu_error((struct qemu_given){"net", "none"}, "does not go with other networks");
    if (!q->nics) run_option_set(q->r, "net", "none");
    for (unsigned i = 0; i < q->nics; i++) {
        const char *wrong = pass(q, &q->nic[i]);
        if (wrong) return qemu_error(q->nic[i].given, wrong);
    }
    for (unsigned i = 0; i < q->netdevs; i++)
        if (!q->netdev[i].used) qemu_note(q->netdev[i].given, "is not used: no adapter is on it");
    return 0;
}
