/*
 * e1000_tx.c: transmit descriptors, checksum insertion, TCP segmentation.
 *
 * Source: SDM 3.3 "Packet Transmission", 3.4 "Transmit Descriptor Ring", 3.5 "TCP Segmentation", 3.6 "IP/TCP/UDP
 * Transmit Checksum Offloading". One call does a bounded amount of work, counted in bytes with an allowance for
 * each descriptor and frame; it can stop in the middle of a descriptor that is being cut into segments. Frames
 * longer than the network takes are fetched and lost, as on a wire with a shorter MTU.
 */
#include "devemu/e1000_internal.h"
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net_filter.h"

enum { WORK_MAX = 512 * 1024, WORK_DESCRIPTOR = 128, WORK_FRAME = 1024, WORK_PAUSE_NS = 50000 };
enum { COMMAND = 24 }; /* bits 31..24 of the descriptor's third word */
enum {
    CMD_EOP = 1 << 0,
    CMD_TSE = 1 << 2,
    CMD_IC = 1 << 2, /* legacy descriptors */
    CMD_RS = 1 << 3,
    CMD_DEXT = 1 << 5,
    CMD_VLE = 1 << 6,
    TUCMD_TCP = 1 << 0,
    TUCMD_IP = 1 << 1,
    POPTS_IXSM = 1 << 0,
    POPTS_TXSM = 1 << 1,
    STATUS_DD = 1 << 0,
    DESC_STATUS = 12, /* offset of the status byte */
};
enum { IP_TOTAL_LENGTH = 2, IP_IDENT = 4, IP6_PAYLOAD_LENGTH = 4, IP6_HEADER = 40 };
enum { TCP_SEQUENCE = 4, TCP_FLAGS = 13, TCP_FIN_PSH = 0x09, UDP_LENGTH = 4 };

/* ---- Checksums ---- */

static uint32_t sum_words(const uint8_t *p, uint32_t len) {
    uint32_t sum = 0;
    for (; len > 1; p += 2, len -= 2) sum += get_be16(p);
    return len ? sum + (uint32_t)(p[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)sum;
}

/* Sums [start, end], end 0 meaning the end of the packet, and puts the complement at `at`. What does not lie inside
 * the frame is left alone. */
static void insert_checksum(uint8_t *frame, uint32_t len, uint32_t start, uint32_t end, uint32_t at) {
    uint32_t stop = end && end + 1 < len ? end + 1 : len;
    if (start >= stop || at + 2 > len) return;
    put_be16(frame + at, (uint16_t)~fold(sum_words(frame + start, stop - start)));
}

/* ---- One finished frame ---- */

static void insert_tag(struct e1000 *s, uint8_t *frame, uint32_t *len) {
    enum { AT = 2 * NET_MAC_BYTES };
    memmove(frame + AT + E1000_VLAN_TAG, frame + AT, *len - AT);
    put_be16(frame + AT, (uint16_t)s->reg[E1000_VET]);
    put_be16(frame + AT + 2, s->tx.tag);
    *len += E1000_VLAN_TAG;
}

static void count_sent(struct e1000 *s, const uint8_t *frame, uint32_t len) {
    static const int by_kind[] = {-1, STAT_MPTC, STAT_BPTC};
    enum net_address kind = net_address_kind(frame);
    e1000_count_size(s, STAT_PTC64, len + NET_FCS_BYTES);
    e1000_count(s, STAT_TPT);
    e1000_count(s, STAT_GPTC);
    e1000_count_bytes(s, STAT_TOT, len + NET_FCS_BYTES);
    e1000_count_bytes(s, STAT_GOTC, len + NET_FCS_BYTES);
    if (by_kind[kind] >= 0) e1000_count(s, (enum e1000_stat)by_kind[kind]);
}

static void send_frame(struct e1000 *s, const uint8_t *frame, uint32_t len) {
    if (len > NET_FRAME_MAX) return;
    count_sent(s, frame, len);
    if (e1000_loopback(s))
        e1000_receive(s, frame, len);
    else if (s->net && e1000_link_up(s))
        s->net->send(s->net->opaque, frame, len);
}

static void finish_frame(struct e1000 *s, const struct e1000_context *c) {
    struct e1000_tx *t = &s->tx;
    uint8_t out[E1000_FRAME_MAX + E1000_VLAN_TAG];
    uint32_t len = t->fill;
    if (len < NET_FRAME_MIN) return;
    memcpy(out, t->frame, len);
    if (t->tcp_sum) insert_checksum(out, len, c->tcp_start, c->tcp_end, c->tcp_offset);
    if (t->ip_sum) insert_checksum(out, len, c->ip_start, c->ip_end, c->ip_offset);
    if (t->vlan) insert_tag(s, out, &len);
    if (len < NET_PADDED_MIN) {
        memset(out + len, 0, NET_PADDED_MIN - len);
        len = NET_PADDED_MIN;
    }
    send_frame(s, out, len);
}

/* ---- Segmentation: the header again and again, each time with other numbers ---- */

static void add_be16(uint8_t *p, uint32_t v) { put_be16(p, (uint16_t)(get_be16(p) + v)); }

static void patch_ip(const struct e1000_context *c, uint8_t *frame, uint32_t len, uint32_t segment) {
    uint8_t *ip = frame + c->ip_start;
    if (c->ipv4) {
        if (c->ip_start + IP_IDENT + 2u > len) return;
        put_be16(ip + IP_TOTAL_LENGTH, (uint16_t)(len - c->ip_start));
        add_be16(ip + IP_IDENT, segment);
    } else if (c->ip_start + (uint32_t)IP6_HEADER <= len) {
        put_be16(ip + IP6_PAYLOAD_LENGTH, (uint16_t)(len - c->ip_start - IP6_HEADER));
    }
}

static void patch_tcp(const struct e1000_context *c, uint8_t *frame, uint32_t len, uint32_t segment, bool last) {
    uint8_t *tcp = frame + c->tcp_start;
    if (!c->tcp) {
        if (c->tcp_start + UDP_LENGTH + 2u <= len) put_be16(tcp + UDP_LENGTH, (uint16_t)(len - c->tcp_start));
    } else if (c->tcp_start + TCP_FLAGS + 1u <= len) {
        put_be32(tcp + TCP_SEQUENCE, get_be32(tcp + TCP_SEQUENCE) + segment * c->mss);
        if (!last) tcp[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
    }
}

/* Software has put the pseudo header's sum, without the length, where the checksum goes. */
static void add_pseudo_length(const struct e1000_context *c, uint8_t *frame, uint32_t len) {
    if (c->tcp_offset + 2u > len || c->tcp_start >= len) return;
    uint32_t sum = get_be16(frame + c->tcp_offset) + (len - c->tcp_start);
    put_be16(frame + c->tcp_offset, fold(sum));
}

static void send_segment(struct e1000 *s, const struct e1000_context *c, bool last) {
    struct e1000_tx *t = &s->tx;
    patch_ip(c, t->frame, t->fill, t->segments);
    patch_tcp(c, t->frame, t->fill, t->segments, last);
    if (t->tcp_sum) add_pseudo_length(c, t->frame, t->fill);
    finish_frame(s, c);
    t->segments++;
    memcpy(t->frame, t->header, c->header_len);
    t->fill = c->header_len;
}

static bool can_segment(const struct e1000_context *c) { return c->mss && c->header_len + c->mss <= NET_FRAME_MAX; }

/* ---- Data of a packet ---- */

static void take_plain(struct e1000 *s, uint64_t address, uint32_t len, uint32_t *work) {
    struct e1000_tx *t = &s->tx;
    if (t->dropping || len > sizeof t->frame - t->fill) {
        t->dropping = true;
        return;
    }
    e1000_read_memory(s, address, t->frame + t->fill, len);
    t->fill += len;
    *work -= len < *work ? len : *work;
}

/* False: no work left; desc_done tells where to go on. */
static bool take_segmented(struct e1000 *s, uint64_t address, uint32_t len, uint32_t *work) {
    struct e1000_tx *t = &s->tx;
    const struct e1000_context *c = &t->context[1];
    if (!can_segment(c)) t->dropping = true;
    while (!t->dropping && t->desc_done < len) {
        bool in_header = !t->segments && t->fill < c->header_len;
        uint32_t limit = in_header ? c->header_len : (uint32_t)c->header_len + c->mss;
        if (t->fill >= limit) {
            if (*work < WORK_FRAME) return false;
            *work -= WORK_FRAME;
            send_segment(s, c, false);
        }
        uint32_t n = limit - t->fill;
        if (n > len - t->desc_done) n = len - t->desc_done;
        e1000_read_memory(s, address + t->desc_done, t->frame + t->fill, n);
        t->fill += n;
        t->desc_done += n;
        if (in_header && t->fill == limit) memcpy(t->header, t->frame, limit);
    }
    return true;
}

static void end_packet(struct e1000 *s) {
    struct e1000_tx *t = &s->tx;
    const struct e1000_context *c = &t->context[t->segmenting];
    if (!t->dropping && !t->segmenting) finish_frame(s, c);
    if (!t->dropping && t->segmenting && t->fill >= c->header_len) {
        send_segment(s, c, true);
        e1000_count(s, STAT_TSCTC);
    } else if (t->segmenting) {
        e1000_count(s, STAT_TSCTFC);
    }
    t->open = false;
}

/* The first descriptor of a packet decides what is done with it. */
static void begin_packet(struct e1000 *s, bool segmenting, unsigned popts) {
    struct e1000_tx *t = &s->tx;
    if (t->open) return;
    t->open = true;
    t->dropping = false;
    t->segmenting = segmenting;
    t->ip_sum = popts & POPTS_IXSM;
    t->tcp_sum = popts & POPTS_TXSM;
    t->vlan = false;
    t->fill = t->segments = t->desc_done = 0;
}

/* ---- Descriptors ---- */

static void load_context(struct e1000_tx *t, const uint8_t *d) {
    unsigned command = d[11];
    struct e1000_context *c = &t->context[!!(command & CMD_TSE)];
    if (t->open && t->segmenting) return; /* not in the middle of what it describes */
    *c = (struct e1000_context){
        .ip_start = d[0],
        .ip_offset = d[1],
        .ip_end = get_le16(d + 2),
        .tcp_start = d[4],
        .tcp_offset = d[5],
        .tcp_end = get_le16(d + 6),
        .header_len = d[13],
        .mss = get_le16(d + 14),
        .tcp = command & TUCMD_TCP,
        .ipv4 = command & TUCMD_IP,
    };
}

static void note_tag(struct e1000 *s, unsigned command, uint16_t special) {
    if (!(command & CMD_EOP) || !(command & CMD_VLE) || !(s->reg[E1000_CTRL] & CTRL_VME)) return;
    s->tx.vlan = true;
    s->tx.tag = special;
}

static void legacy(struct e1000 *s, const uint8_t *d, uint32_t *work) {
    unsigned command = d[11], sum_offset = d[10], sum_start = d[13];
    uint32_t len = get_le16(d + 8);
    begin_packet(s, false, 0);
    take_plain(s, get_le64(d), len, work);
    note_tag(s, command, get_le16(d + 14));
    if ((command & CMD_EOP) && (command & CMD_IC)) insert_checksum(s->tx.frame, s->tx.fill, sum_start, 0, sum_offset);
    if (command & CMD_EOP) end_packet(s);
}

/* False: not done yet. */
static bool data(struct e1000 *s, const uint8_t *d, uint32_t *work) {
    unsigned command = d[11];
    uint32_t len = get_le32(d + 8) & 0xFFFFF;
    begin_packet(s, command & CMD_TSE, d[13]);
    if (!s->tx.segmenting) {
        take_plain(s, get_le64(d), len, work);
    } else if (!take_segmented(s, get_le64(d), len, work)) {
        return false;
    }
    note_tag(s, command, get_le16(d + 14));
    if (command & CMD_EOP) end_packet(s);
    return true;
}

static bool descriptor(struct e1000 *s, const uint8_t *d, uint32_t *work) {
    enum { TYPE_CONTEXT = 0, TYPE_DATA = 1 };
    if (!(d[11] & CMD_DEXT)) {
        legacy(s, d, work);
        return true;
    }
    switch (d[10] >> 4) {
    case TYPE_CONTEXT: load_context(&s->tx, d); return true;
    case TYPE_DATA: return data(s, d, work);
    default: return true; /* reserved */
    }
}

static bool has_work(const struct e1000 *s) {
    uint32_t size = e1000_ring_size(s, E1000_TDLEN), head = s->reg[E1000_TDH], tail = s->reg[E1000_TDT];
    bool runs = (s->reg[E1000_TCTL] & TCTL_EN) && pci_may_master(&s->pci);
    return runs && head != tail && head < size && tail < size;
}

/* The descriptor at TDH, or as much of it as there is work left for. */
static void step(struct e1000 *s, uint32_t *work, uint32_t *causes) {
    uint8_t d[E1000_DESC_BYTES];
    uint64_t ring = s->reg[E1000_TDBAL] | (uint64_t)s->reg[E1000_TDBAH] << 32;
    uint64_t at = ring + (uint64_t)s->reg[E1000_TDH] * E1000_DESC_BYTES;
    e1000_read_memory(s, at, d, sizeof d);
    if (!descriptor(s, d, work)) return;
    s->tx.desc_done = 0;
    if (d[11] & CMD_RS) {
        d[DESC_STATUS] |= STATUS_DD;
        e1000_write_memory(s, at + DESC_STATUS, d + DESC_STATUS, 1);
        *causes |= INT_TXDW;
    }
    s->reg[E1000_TDH]++;
    if (s->reg[E1000_TDH] >= e1000_ring_size(s, E1000_TDLEN)) s->reg[E1000_TDH] = 0;
}

void e1000_transmit(struct e1000 *s) {
    struct dev_host *h = s->pci.dev.host;
    uint32_t work = WORK_MAX, causes = 0;
    if (s->in_tx || !has_work(s)) return;
    s->in_tx = true;
    while (has_work(s) && work > WORK_DESCRIPTOR + WORK_FRAME) {
        work -= WORK_DESCRIPTOR;
        step(s, &work, &causes);
    }
    s->in_tx = false;
    if (has_work(s))
        h->timer_arm(h->opaque, &s->tx_timer, e1000_now(s) + WORK_PAUSE_NS);
    else
        causes |= INT_TXQE;
    if (causes) e1000_cause(s, causes);
}

void e1000_tx_reset(struct e1000 *s) {
    s->pci.dev.host->timer_cancel(s->pci.dev.host->opaque, &s->tx_timer);
    s->tx = (struct e1000_tx){0};
}

void e1000_tx_state(struct e1000 *s, struct dev_state *st) {
    struct e1000_tx *t = &s->tx;
    for (int i = 0; i < 2; i++) {
        struct e1000_context *c = &t->context[i];
        dev_state_bytes(st, c, offsetof(struct e1000_context, tcp));
        dev_state_bool(st, &c->tcp);
        dev_state_bool(st, &c->ipv4);
    }
    bool *flags[] = {&t->open, &t->dropping, &t->segmenting, &t->ip_sum, &t->tcp_sum, &t->vlan};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) dev_state_bool(st, flags[i]);
    DEV_STATE(st, t->tag);
    DEV_STATE(st, t->desc_done);
    DEV_STATE(st, t->fill);
    DEV_STATE(st, t->segments);
    DEV_STATE(st, t->frame);
    DEV_STATE(st, t->header);
    if (t->fill > sizeof t->frame) t->fill = sizeof t->frame;
}
