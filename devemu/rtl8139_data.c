/*
 * rtl8139_data.c: four transmit descriptors, and the receive ring.
 *
 * Source: RealTek RTL8139C(L) data sheet, "Transmit Status Register", "Rx Configuration Register", "Packet
 * Reception"; programming guide, "Receive". A received packet is a header of status and length, the frame, its check
 * sequence, and room up to the next multiple of four. With RCR.WRAP a packet at the ring's end goes on behind it,
 * without it at the ring's start. CAPR is 16 behind what software has read.
 */
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net_filter.h"
#include "devemu/rtl8139_internal.h"

enum { RX_HEADER = 4, CAPR_BIAS = 16, RING_64K = 3 };
enum { STATUS_ROK = 1 << 0, STATUS_BROADCAST = 1 << 13, STATUS_PHYSICAL = 1 << 14, STATUS_MULTICAST = 1 << 15 };

static void dma_read(struct rtl8139 *s, uint32_t at, void *buf, size_t len) {
    s->in_dma = true;
    (void)smmu_mem_read(s->pci.dev.host->mem, gpa(at), buf, len);
    s->in_dma = false;
}
static void dma_write(struct rtl8139 *s, uint32_t at, const void *buf, size_t len) {
    s->in_dma = true;
    (void)smmu_mem_write(s->pci.dev.host->mem, gpa(at), buf, len);
    s->in_dma = false;
}

/* ---- Receiving ---- */

static uint32_t ring_code(const struct rtl8139 *s) { return s->rcr >> 11 & 3; }
static uint32_t ring_size(const struct rtl8139 *s) { return 8192u << ring_code(s); }
static uint32_t write_at(const struct rtl8139 *s) { return s->cbr & (ring_size(s) - 1); }
static uint32_t read_at(const struct rtl8139 *s) { return (s->capr + (uint32_t)CAPR_BIAS) & (ring_size(s) - 1); }

bool rtl8139_ring_empty(const struct rtl8139 *s) { return write_at(s) == read_at(s); }

static uint32_t ring_needs(uint32_t frame_len) { return (RX_HEADER + frame_len + NET_FCS_BYTES + 3) & ~3u; }

/* A ring that is filled to the last byte would look empty. */
static bool has_room(const struct rtl8139 *s, uint32_t frame_len) {
    uint32_t used = (write_at(s) - read_at(s)) & (ring_size(s) - 1);
    return ring_needs(frame_len) < ring_size(s) - used;
}

static bool receiver_runs(const struct rtl8139 *s) { return (s->cr & CR_RE) && pci_may_master(&s->pci); }

bool rtl8139_can_receive(void *opaque) {
    const struct rtl8139 *s = opaque;
    return receiver_runs(s) && !s->in_dma && has_room(s, NET_FRAME_MAX);
}

/* The status bits of a frame for us; 0: not for us. */
static uint16_t address_status(const struct rtl8139 *s, const uint8_t *mac) {
    unsigned hash = net_hash_high_first(mac);
    switch (net_address_kind(mac)) {
    case NET_BROADCAST: return s->rcr & RCR_AB ? STATUS_ROK | STATUS_BROADCAST : 0;
    case NET_MULTICAST:
        return (s->rcr & RCR_AM) && (s->mar[hash >> 3] >> (hash & 7) & 1) ? STATUS_ROK | STATUS_MULTICAST : 0;
    case NET_UNICAST: break;
    }
    if (net_same_address(mac, s->idr)) return s->rcr & (RCR_APM | RCR_AAP) ? STATUS_ROK | STATUS_PHYSICAL : 0;
    return s->rcr & RCR_AAP ? STATUS_ROK : 0;
}

static void store(struct rtl8139 *s, const uint8_t *packet, uint32_t len) {
    uint32_t at = write_at(s), size = ring_size(s);
    bool runs_over = (s->rcr & RCR_WRAP) && ring_code(s) != RING_64K;
    uint32_t first = runs_over || len < size - at ? len : size - at;
    dma_write(s, s->rbstart + at, packet, first);
    if (first < len) dma_write(s, s->rbstart, packet + first, len - first);
}

static void take(struct rtl8139 *s, const uint8_t *frame, uint32_t len) {
    uint8_t packet[RX_HEADER + NET_FRAME_MAX + NET_FCS_BYTES];
    uint16_t status = address_status(s, frame);
    uint32_t padded = len < NET_PADDED_MIN ? NET_PADDED_MIN : len;
    if (!status) return;
    if (s->in_dma || !has_room(s, padded)) {
        s->mpc = (s->mpc + 1) & 0xFFFFFF;
        rtl8139_raise(s, INT_RXOVW);
        return;
    }
    memcpy(packet + RX_HEADER, frame, len);
    memset(packet + RX_HEADER + len, 0, padded - len);
    put_le16(packet, status);
    put_le16(packet + 2, (uint16_t)(padded + NET_FCS_BYTES));
    put_le32(packet + RX_HEADER + padded, ~net_crc32(packet + RX_HEADER, padded));
    store(s, packet, RX_HEADER + padded + NET_FCS_BYTES);
    s->cbr = (uint16_t)((write_at(s) + ring_needs(padded)) & (ring_size(s) - 1));
    rtl8139_raise(s, INT_ROK);
}

static bool in_loopback(const struct rtl8139 *s) { return (s->tcr & TCR_LOOPBACK) == TCR_LOOPBACK; }

void rtl8139_receive(void *opaque, const uint8_t *frame, size_t len) {
    struct rtl8139 *s = opaque;
    if (len < NET_FRAME_MIN || len > NET_FRAME_MAX || !receiver_runs(s) || in_loopback(s)) return;
    take(s, frame, (uint32_t)len);
}

/* ---- Sending ---- */

/* Longer frames than the network takes are fetched and lost. */
static void send_one(struct rtl8139 *s, uint32_t address, uint32_t len) {
    uint8_t frame[NET_FRAME_MAX];
    if (len < NET_FRAME_MIN || len > sizeof frame) return;
    dma_read(s, address, frame, len);
    if (len < NET_PADDED_MIN) {
        memset(frame + len, 0, NET_PADDED_MIN - len);
        len = NET_PADDED_MIN;
    }
    if (in_loopback(s)) {
        if (s->cr & CR_RE) take(s, frame, len);
    } else if (s->net) {
        s->net->send(s->net->opaque, frame, len);
    }
}

void rtl8139_transmit(struct rtl8139 *s) {
    bool sent = false;
    if (!(s->cr & CR_TE) || !pci_may_master(&s->pci)) return;
    for (int i = 0; i < RTL_TX; i++) {
        uint32_t *tsd = &s->tsd[s->tx_next];
        if (*tsd & TSD_OWN) break;
        send_one(s, s->tsad[s->tx_next], *tsd & TSD_SIZE);
        *tsd |= TSD_OWN | TSD_TOK;
        s->tx_next = (s->tx_next + 1) % RTL_TX;
        sent = true;
    }
    if (sent) rtl8139_raise(s, INT_TOK);
}
