/*
 * virtio_net.c: see its header.
 *
 * Nothing is ever in flight: a frame is sent while its chain is taken, and
 * one that comes takes a chain when it comes. Until the driver says otherwise
 * every frame is its business, as drivers without control queue expect.
 */
#include "devemu/virtio_net.h"

#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net_filter.h"

enum { RX, TX, CONTROL, QUEUE = 256, CONTROL_QUEUE = 64 };
enum { F_MAC = 5, F_STATUS = 16, F_CTRL_VQ = 17, F_CTRL_RX = 18, F_CTRL_MAC_ADDR = 23 };
enum { MAC_AT = 0, STATUS_AT = 6, CONFIG_BYTES = 8, LINK_UP = 1 };
enum { HEADER_LEGACY = 10, HEADER = 12, HEADER_BUFFERS = 10 };
/* Control commands: class, command, data; one byte of answer. */
enum { CLASS_RX = 0, RX_PROMISC = 0, RX_ALLMULTI = 1, CLASS_MAC = 1, MAC_TABLE_SET = 0, MAC_ADDR_SET = 1 };
enum { CTRL_HEAD = 2, CTRL_OK = 0, CTRL_ERR = 1 };
enum { TABLE_MAX = 32 };

struct mac_table {
    uint8_t count;
    bool all; /* more than it holds: every address of the kind */
    uint8_t mac[TABLE_MAX][NET_MAC_BYTES];
};

struct virtio_net {
    struct virtio_dev v; /* first */
    struct dev_net *net;
    uint8_t own_mac[NET_MAC_BYTES]; /* what it was made with */
    bool promiscuous, all_multicast;
    struct mac_table unicast, multicast;
    /* Scratch; what is sent may come back as a frame received before `send` returns. */
    struct virtio_chain chain, rx_chain;
    uint8_t frame[NET_FRAME_MAX];
};

static struct virtio_net *to_net(struct virtio_dev *v) { return (struct virtio_net *)v; }

static uint32_t header_bytes(const struct virtio_net *n) {
    return virtio_has(&n->v, VIRTIO_F_VERSION_1) ? HEADER : HEADER_LEGACY;
}

/* ---- Which frames are the driver's business ---- */

static bool in_table(const struct mac_table *t, const uint8_t *mac) {
    for (unsigned i = 0; i < t->count; i++)
        if (net_same_address(t->mac[i], mac)) return true;
    return t->all;
}

static bool wanted(const struct virtio_net *n, const uint8_t *mac) {
    if (n->promiscuous) return true;
    switch (net_address_kind(mac)) {
    case NET_BROADCAST: return true;
    case NET_MULTICAST: return n->all_multicast || in_table(&n->multicast, mac);
    case NET_UNICAST: break;
    }
    return net_same_address(n->v.config + MAC_AT, mac) || in_table(&n->unicast, mac);
}

/* ---- Receiving ---- */

static bool can_receive(void *opaque) { return virtio_waiting(opaque, RX); }

static bool put_frame(struct virtio_net *n, const uint8_t *frame, uint32_t len) {
    uint8_t header[HEADER] = {0};
    put_le16(header + HEADER_BUFFERS, 1);
    uint32_t head = header_bytes(n);
    return virtio_put(&n->v, &n->rx_chain, 0, header, head) && virtio_put(&n->v, &n->rx_chain, head, frame, len);
}

static void receive(void *opaque, const uint8_t *frame, size_t len) {
    struct virtio_net *n = opaque;
    if (len < NET_FRAME_MIN || len > NET_FRAME_MAX || !wanted(n, frame) || !virtio_pop(&n->v, RX, &n->rx_chain)) return;
    uint64_t total = header_bytes(n) + len;
    if (n->rx_chain.in_len < total) {
        virtio_break(&n->v); /* drivers that do not merge buffers give room for any frame */
        return;
    }
    if (put_frame(n, frame, (uint32_t)len)) virtio_push(&n->v, RX, &n->rx_chain, total);
}

/* ---- Sending ---- */

/* Frames too short to be any, or too long for the wire, are lost there; short ones are filled up as adapters do. */
static void send_chain(struct virtio_net *n) {
    uint32_t head = header_bytes(n);
    if (n->chain.out_len < head + NET_FRAME_MIN || n->chain.out_len > head + NET_FRAME_MAX) return;
    uint32_t len = (uint32_t)n->chain.out_len - head;
    if (!virtio_get(&n->v, &n->chain, head, n->frame, len)) return;
    if (len < NET_PADDED_MIN) {
        memset(n->frame + len, 0, NET_PADDED_MIN - len);
        len = NET_PADDED_MIN;
    }
    n->net->send(n->net->opaque, n->frame, len);
}

static void send_all(struct virtio_net *n) {
    for (int i = 0; i < QUEUE && virtio_pop(&n->v, TX, &n->chain); i++) {
        send_chain(n);
        virtio_push(&n->v, TX, &n->chain, 0);
    }
}

/* ---- Control commands ---- */

/* Takes `len` bytes of the command at *at. */
static bool take(struct virtio_net *n, uint64_t *at, void *buf, uint32_t len) {
    if (n->chain.out_len < len || *at > n->chain.out_len - len) return false;
    uint64_t from = *at;
    *at += len;
    return virtio_get(&n->v, &n->chain, from, buf, len);
}

/* A number of addresses, then the addresses. */
static bool take_table(struct virtio_net *n, uint64_t *at, struct mac_table *t) {
    uint8_t raw[4];
    if (!take(n, at, raw, sizeof raw)) return false;
    uint64_t count = get_le32(raw), bytes = count * NET_MAC_BYTES;
    if (bytes > n->chain.out_len - *at) return false;
    t->all = count > TABLE_MAX;
    t->count = t->all ? 0 : (uint8_t)count;
    if (!t->all) return take(n, at, t->mac, (uint32_t)bytes);
    *at += bytes;
    return true;
}

static bool set_tables(struct virtio_net *n, uint64_t *at) {
    struct mac_table unicast, multicast;
    if (!take_table(n, at, &unicast) || !take_table(n, at, &multicast)) return false;
    n->unicast = unicast;
    n->multicast = multicast;
    return true;
}

static bool set_mode(struct virtio_net *n, uint64_t *at, bool *mode) {
    uint8_t on;
    if (!take(n, at, &on, 1)) return false;
    *mode = on != 0;
    return true;
}

static bool set_address(struct virtio_net *n, uint64_t *at) {
    uint8_t mac[NET_MAC_BYTES];
    if (!take(n, at, mac, sizeof mac)) return false;
    memcpy(n->v.config + MAC_AT, mac, sizeof mac);
    return true;
}

static bool command(struct virtio_net *n) {
    uint8_t head[CTRL_HEAD];
    uint64_t at = 0;
    if (!take(n, &at, head, sizeof head)) return false;
    switch (head[0] << 8 | head[1]) {
    case CLASS_RX << 8 | RX_PROMISC: return set_mode(n, &at, &n->promiscuous);
    case CLASS_RX << 8 | RX_ALLMULTI: return set_mode(n, &at, &n->all_multicast);
    case CLASS_MAC << 8 | MAC_TABLE_SET: return set_tables(n, &at);
    case CLASS_MAC << 8 | MAC_ADDR_SET: return set_address(n, &at);
    default: return false;
    }
}

static void control_all(struct virtio_net *n) {
    for (int i = 0; i < CONTROL_QUEUE && virtio_pop(&n->v, CONTROL, &n->chain); i++) {
        if (!n->chain.in_len) {
            virtio_break(&n->v); /* no room for an answer */
            return;
        }
        uint8_t answer = command(n) ? CTRL_OK : CTRL_ERR;
        if (virtio_put(&n->v, &n->chain, 0, &answer, 1)) virtio_push(&n->v, CONTROL, &n->chain, 1);
    }
}

/* ---- The device ---- */

static void notify(struct virtio_dev *v, unsigned q) {
    struct virtio_net *n = to_net(v);
    if (q == TX)
        send_all(n);
    else if (q == CONTROL)
        control_all(n);
    else if (can_receive(n))
        n->net->ready(n->net->opaque);
}

static void forget_filters(struct virtio_dev *v) {
    struct virtio_net *n = to_net(v);
    n->promiscuous = true;
    n->all_multicast = false;
    n->unicast = n->multicast = (struct mac_table){0};
    memcpy(v->config + MAC_AT, n->own_mac, NET_MAC_BYTES);
}

/* Drivers before 1.0 may set the address so. */
static void config_written(struct virtio_dev *v, unsigned offset, uint8_t value) {
    if (offset < MAC_AT + NET_MAC_BYTES && !virtio_has(v, VIRTIO_F_VERSION_1)) v->config[offset] = value;
}

static const struct virtio_type type = {.name = "virtio-net",
                                        .id = VIRTIO_ID_NET,
                                        .class_code = 0x020000,
                                        .queues = 3,
                                        .queue_size = {QUEUE, QUEUE, CONTROL_QUEUE},
                                        .config_len = CONFIG_BYTES,
                                        .notify = notify,
                                        .reset = forget_filters,
                                        .config_written = config_written};

static enum dev_status init(struct dev *d, const void *cfg) {
    struct virtio_net *n = (struct virtio_net *)d;
    const struct nic_pci_config *c = cfg;
    if (!c || !c->net) return DEV_BAD_CONFIG;
    n->net = c->net;
    memcpy(n->own_mac, c->mac, sizeof n->own_mac);
    put_le16(n->v.config + STATUS_AT, LINK_UP);
    uint64_t features =
        VIRTIO_F(F_MAC) | VIRTIO_F(F_STATUS) | VIRTIO_F(F_CTRL_VQ) | VIRTIO_F(F_CTRL_RX) | VIRTIO_F(F_CTRL_MAC_ADDR);
    enum dev_status st = virtio_init(&n->v, &type, c->bus, c->devfn, VIRTIO_TRANSITIONAL, features);
    if (st == DEV_OK && c->rom_size) st = pci_bar_rom(&n->v.pci, c->rom, c->rom_size);
    if (st != DEV_OK) return st;
    pci_dev_ready(&n->v.pci);
    net_connect(c->net, n, can_receive, receive);
    return DEV_OK;
}

static void reset(struct dev *d) { virtio_reset((struct virtio_dev *)d); }

static void table_state(struct mac_table *t, struct dev_state *st) {
    DEV_STATE(st, t->count);
    dev_state_bool(st, &t->all);
    DEV_STATE(st, t->mac);
    if (t->count > TABLE_MAX) t->count = 0;
}

static void state(struct dev *d, struct dev_state *st) {
    struct virtio_net *n = (struct virtio_net *)d;
    virtio_state(&n->v, st);
    dev_state_bytes(st, n->v.config + MAC_AT, NET_MAC_BYTES);
    dev_state_bool(st, &n->promiscuous);
    dev_state_bool(st, &n->all_multicast);
    table_state(&n->unicast, st);
    table_state(&n->multicast, st);
}

static void destroy(struct dev *d) {
    struct virtio_net *n = (struct virtio_net *)d;
    net_disconnect(n->net);
    if (n->v.type) virtio_fini(&n->v);
}

const struct dev_class virtio_net_class = {.name = "virtio-net",
                                           .instance_size = sizeof(struct virtio_net),
                                           .init = init,
                                           .reset = reset,
                                           .state = state,
                                           .destroy = destroy};
