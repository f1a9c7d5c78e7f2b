/*
 * e1000_rx.c: address filters, receive descriptors, delay of receive interrupts.
 *
 * Source: SDM 3.2 "Packet Reception" (3.2.3 descriptors, 3.2.5 minimum threshold, 3.2.7 interrupts), ch. 13 RCTL, RA,
 * MTA, VFTA. A frame is taken only if the ring has room for all of it. Checksums are left to software (IXSM).
 */
#include "devemu/e1000_internal.h"
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net_filter.h"

enum { STATUS_DD = 1 << 0, STATUS_EOP = 1 << 1, STATUS_IXSM = 1 << 2, STATUS_VP = 1 << 3, STATUS_PIF = 1 << 7 };
enum { DESC_LENGTH = 8, DESC_WRITTEN = 8 /* bytes that are written back */ };
enum { DELAY_UNIT_NS = 1024, VLAN_ID = 0xFFF, TYPE_AT = 2 * NET_MAC_BYTES };
#define RAH_VALID 0x80000000u

/* ---- Filters ---- */

static bool exact_match(const struct e1000 *s, const uint8_t *mac) {
    for (int i = 0; i < E1000_ADDRESSES; i++) {
        uint32_t low = s->ra[2 * i], high = s->ra[2 * i + 1];
        if ((high & RAH_VALID) && get_le32(mac) == low && get_le16(mac + 4) == (high & 0xFFFF)) return true;
    }
    return false;
}

/* Twelve bits of the address, which ones RCTL.MO says, index a table of 4,096 bits. */
static bool hash_match(const struct e1000 *s, const uint8_t *mac) {
    static const uint8_t shift[4] = {4, 3, 2, 0};
    unsigned hash = (unsigned)get_le16(mac + 4) >> shift[s->reg[E1000_RCTL] >> 12 & 3] & 0xFFF;
    return s->mta[hash >> 5] >> (hash & 31) & 1;
}

static bool address_wanted(const struct e1000 *s, const uint8_t *mac, bool *inexact) {
    uint32_t rctl = s->reg[E1000_RCTL];
    enum net_address kind = net_address_kind(mac);
    *inexact = false;
    if (exact_match(s, mac) || (kind == NET_BROADCAST && (rctl & RCTL_BAM))) return true;
    if (kind == NET_UNICAST) return rctl & RCTL_UPE;
    if (rctl & RCTL_MPE) return true;
    *inexact = hash_match(s, mac);
    return *inexact;
}

static bool is_tagged(const struct e1000 *s, const uint8_t *frame, size_t len) {
    return len >= NET_FRAME_MIN + E1000_VLAN_TAG && get_be16(frame + TYPE_AT) == s->reg[E1000_VET];
}

static bool vlan_wanted(const struct e1000 *s, const uint8_t *frame, size_t len) {
    if (!(s->reg[E1000_RCTL] & RCTL_VFE) || !is_tagged(s, frame, len)) return true;
    unsigned id = get_be16(frame + TYPE_AT + 2) & VLAN_ID;
    return s->vfta[id >> 5] >> (id & 31) & 1;
}

/* ---- The ring ---- */

static uint32_t buffer_size(const struct e1000 *s) {
    uint32_t rctl = s->reg[E1000_RCTL], code = rctl >> 16 & 3;
    if ((rctl & RCTL_BSEX) && code) return 32768u >> code;
    return 2048u >> code;
}

static uint32_t free_descriptors(const struct e1000 *s) {
    uint32_t size = e1000_ring_size(s, E1000_RDLEN), head = s->reg[E1000_RDH], tail = s->reg[E1000_RDT];
    if (head >= size || tail >= size) return 0;
    return tail >= head ? tail - head : size - head + tail;
}

static bool has_room(const struct e1000 *s, size_t len) {
    return (uint64_t)free_descriptors(s) * buffer_size(s) >= len;
}

bool e1000_can_receive(void *opaque) {
    struct e1000 *s = opaque;
    bool runs = (s->reg[E1000_RCTL] & RCTL_EN) && pci_may_master(&s->pci) && e1000_link_up(s);
    return runs && !s->in_dma && has_room(s, NET_FRAME_MAX + E1000_VLAN_TAG + NET_FCS_BYTES);
}

/* What a frame becomes on its way to memory. */
struct arrival {
    uint8_t bytes[E1000_FRAME_MAX + NET_FCS_BYTES];
    uint32_t len;
    uint8_t status;
    uint16_t tag;
};

/* Backends do not pad, the wire would have. */
static void prepare(struct e1000 *s, struct arrival *a, const uint8_t *frame, uint32_t len) {
    memcpy(a->bytes, frame, len);
    if (len < NET_PADDED_MIN) memset(a->bytes + len, 0, NET_PADDED_MIN - len);
    a->len = len < NET_PADDED_MIN ? NET_PADDED_MIN : len;
    if (!(s->reg[E1000_RCTL] & RCTL_SECRC)) {
        put_le32(a->bytes + a->len, ~net_crc32(a->bytes, a->len));
        a->len += NET_FCS_BYTES;
    }
    if ((s->reg[E1000_CTRL] & CTRL_VME) && is_tagged(s, frame, len)) {
        a->tag = get_be16(frame + TYPE_AT + 2);
        a->status |= STATUS_VP;
        a->len -= E1000_VLAN_TAG;
        memmove(a->bytes + TYPE_AT, a->bytes + TYPE_AT + E1000_VLAN_TAG, a->len - TYPE_AT);
    }
}

static void fill_descriptor(struct e1000 *s, const struct arrival *a, uint32_t from, uint32_t n) {
    uint8_t d[E1000_DESC_BYTES];
    uint64_t ring = s->reg[E1000_RDBAL] | (uint64_t)s->reg[E1000_RDBAH] << 32;
    uint64_t at = ring + (uint64_t)s->reg[E1000_RDH] * E1000_DESC_BYTES;
    e1000_read_memory(s, at, d, sizeof d);
    e1000_write_memory(s, get_le64(d), a->bytes + from, n);
    bool last = from + n == a->len;
    put_le16(d + DESC_LENGTH, (uint16_t)n);
    put_le16(d + 10, 0);
    d[12] = (uint8_t)(STATUS_DD | STATUS_IXSM | (last ? a->status | STATUS_EOP : 0));
    d[13] = 0;
    put_le16(d + 14, last ? a->tag : 0);
    e1000_write_memory(s, at + DESC_LENGTH, d + DESC_LENGTH, DESC_WRITTEN);
    s->reg[E1000_RDH]++;
    if (s->reg[E1000_RDH] >= e1000_ring_size(s, E1000_RDLEN)) s->reg[E1000_RDH] = 0;
}

static void store(struct e1000 *s, const struct arrival *a) {
    uint32_t size = buffer_size(s);
    for (uint32_t done = 0; done < a->len; done += size)
        fill_descriptor(s, a, done, a->len - done < size ? a->len - done : size);
}

/* ---- Interrupts ---- */

void e1000_rx_timer_fired(void *opaque, uint64_t now_ns) {
    struct e1000 *s = opaque;
    (void)now_ns;
    s->rx_first_ns = 0;
    e1000_cause(s, INT_RXT0);
}

/* RDTR counts from the last frame, RADV from the first. */
static uint32_t delay_interrupt(struct e1000 *s) {
    struct dev_host *h = s->pci.dev.host;
    uint64_t now = e1000_now(s), due = now + (uint64_t)s->reg[E1000_RDTR] * DELAY_UNIT_NS;
    if (!s->reg[E1000_RDTR]) return INT_RXT0;
    if (!s->rx_first_ns) s->rx_first_ns = now;
    uint64_t limit = s->rx_first_ns + (uint64_t)s->reg[E1000_RADV] * DELAY_UNIT_NS;
    if (s->reg[E1000_RADV] && limit < due) due = limit;
    h->timer_arm(h->opaque, &s->rx_timer, due);
    return 0;
}

static uint32_t threshold(const struct e1000 *s) {
    return e1000_ring_size(s, E1000_RDLEN) >> ((s->reg[E1000_RCTL] >> 8 & 3) + 1);
}

static uint32_t causes_of(struct e1000 *s, const struct arrival *a, uint32_t free_before) {
    uint32_t causes, limit = threshold(s);
    bool small = a->len <= s->reg[E1000_RSRPD];
    causes = small ? INT_RXT0 | INT_SRPD : delay_interrupt(s);
    if (free_before > limit && free_descriptors(s) <= limit) causes |= INT_RXDMT0;
    return causes;
}

static void count_received(struct e1000 *s, const uint8_t *frame, uint32_t len) {
    enum net_address kind = net_address_kind(frame);
    e1000_count_size(s, STAT_PRC64, len);
    e1000_count(s, STAT_GPRC);
    e1000_count_bytes(s, STAT_GORC, len);
    if (kind != NET_UNICAST) e1000_count(s, kind == NET_BROADCAST ? STAT_BPRC : STAT_MPRC);
}

void e1000_receive(void *opaque, const uint8_t *frame, size_t size) {
    struct e1000 *s = opaque;
    bool inexact;
    if (size < NET_FRAME_MIN || size > E1000_FRAME_MAX || !(s->reg[E1000_RCTL] & RCTL_EN) || !pci_may_master(&s->pci))
        return;
    uint32_t len = (uint32_t)size, on_wire = (len < NET_PADDED_MIN ? NET_PADDED_MIN : len) + NET_FCS_BYTES;
    e1000_count(s, STAT_TPR);
    e1000_count_bytes(s, STAT_TOR, on_wire);
    if (!address_wanted(s, frame, &inexact) || !vlan_wanted(s, frame, len)) return;
    struct arrival a = {.status = inexact ? STATUS_PIF : 0};
    prepare(s, &a, frame, len);
    if (s->in_dma || !has_room(s, a.len)) {
        e1000_count(s, STAT_MPC);
        e1000_count(s, STAT_RNBC);
        e1000_cause(s, INT_RXO);
        return;
    }
    uint32_t free_before = free_descriptors(s);
    store(s, &a);
    count_received(s, frame, on_wire);
    e1000_cause(s, causes_of(s, &a, free_before));
}
