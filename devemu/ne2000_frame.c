/*
 * ne2000_frame.c: frames in and out of the DP8390: loopback, address filter, the receive buffer ring.
 *
 * Source: DP8390D data sheet, "Packet Transmission", "Packet Reception", "Loopback Modes". A transmission ends within
 * the command that starts it. The ring's registers may hold anything: a frame touches at most its own pages.
 */
#include <string.h>
#include "devemu/ne2000_internal.h"
#include "devemu/net_filter.h"

enum { PAGE_BYTES = 256, HEADER_BYTES = 4, TALLY_MISSED = 2, TALLY_CRC = 1, TALLY_MAX = 192, TALLY_ALARM = 128 };

/* A counter rings when its highest bit gets set, and stops at 192. */
static void count(struct ne2000 *n, int tally) {
    if (n->tally[tally] < TALLY_MAX) n->tally[tally]++;
    if (n->tally[tally] & TALLY_ALARM) ne2000_raise(n, ISR_CNT);
}

/* ---- Address filter ---- */

static bool hash_matches(const struct ne2000 *n, const uint8_t *mac) {
    unsigned bit = net_hash_high_first(mac);
    return n->mar[bit / 8] >> bit % 8 & 1;
}

static bool wants(const struct ne2000 *n, const uint8_t *mac) {
    switch (net_address_kind(mac)) {
    case NET_BROADCAST: return n->rcr & RCR_AB;
    case NET_MULTICAST: return (n->rcr & RCR_AM) && hash_matches(n, mac);
    case NET_UNICAST: break;
    }
    return (n->rcr & RCR_PRO) || net_same_address(mac, n->par);
}

static uint8_t good_status(const uint8_t *mac) { return (uint8_t)(mac[0] & 1 ? RSR_PRX | RSR_PHY : RSR_PRX); }

/* ---- Reception ---- */

static uint8_t page_after(const struct ne2000 *n, uint8_t page) {
    page++;
    return page == n->pstop ? n->pstart : page;
}

/* Pages that a frame of len bytes takes with its header and check sequence. */
static unsigned pages_of(size_t len) {
    return (unsigned)((len + NET_FCS_BYTES + HEADER_BYTES + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* Linux's driver keeps BNRY a page behind what it reads next, and before the ring's first page that is none of the
 * ring's: the last one is meant, or the ring would never be full. */
static uint8_t boundary(const struct ne2000 *n) { return n->bnry + 1 == n->pstart ? (uint8_t)(n->pstop - 1) : n->bnry; }

/* The ring never gets so full that CURR meets BNRY, which would look empty. *next is where CURR goes. */
static bool fits(const struct ne2000 *n, size_t len, uint8_t *next) {
    uint8_t page = n->curr;
    for (unsigned i = pages_of(len); i; i--) {
        page = page_after(n, page);
        if (page == boundary(n)) return false;
    }
    *next = page;
    return true;
}

/* In loopback the receiver is connected to the transmitter only. */
static bool looped(const struct ne2000 *n) { return n->tcr & TCR_LB; }

/* As drivers keep it: BNRY is the page before the next one to read, or that page itself. */
static bool ring_is_empty(const struct ne2000 *n) {
    return n->bnry == n->curr || page_after(n, boundary(n)) == n->curr;
}

/* Drivers empty the ring first and acknowledge its interrupt afterwards: a frame that came between the two would have
 * its interrupt acknowledged unseen, and lie there until another one comes. On a wire that is an instant; here a host
 * that has other things to do can make it long. So frames come in bunches, and the next one when the last is
 * acknowledged. A driver that polls may never do that: without the interrupt an emptied ring is enough. */
static bool bunch_may_begin(const struct ne2000 *n) {
    return n->bunch || !(n->isr & ISR_PRX) || (!(n->imr & ISR_PRX) && ring_is_empty(n));
}

/* Frames wait for room in the ring. For a receiver that is off they do not: nobody hears them. */
bool ne2000_can_receive(void *opaque) {
    struct ne2000 *n = opaque;
    uint8_t next;
    bool heard = n->started && !looped(n) && !(n->rcr & RCR_MON);
    bool can = !heard || (bunch_may_begin(n) && fits(n, NET_FRAME_MAX, &next));
    if (!can) n->waiting = true;
    return can;
}

/* One byte into the ring at *at, which moves on. */
static void put(struct ne2000 *n, uint16_t *at, uint8_t v) {
    ne2000_mem_write(n, *at, v);
    *at = (uint16_t)(*at + 1);
    if (!(*at % PAGE_BYTES)) *at = (uint16_t)(page_after(n, (uint8_t)((*at >> 8) - 1)) << 8);
}

static void store(struct ne2000 *n, const uint8_t *frame, size_t len, uint8_t next) {
    uint32_t fcs = ~net_crc32(frame, len);
    size_t total = len + NET_FCS_BYTES;
    uint16_t at = (uint16_t)(n->curr << 8);
    put(n, &at, n->rsr);
    put(n, &at, next);
    put(n, &at, (uint8_t)total);
    put(n, &at, (uint8_t)(total >> 8));
    for (size_t i = 0; i < len; i++) put(n, &at, frame[i]);
    for (int i = 0; i < NET_FCS_BYTES; i++) put(n, &at, (uint8_t)(fcs >> (8 * i)));
    n->curr = next;
    n->bunch = true;
    ne2000_raise(n, ISR_PRX);
}

static void take(struct ne2000 *n, const uint8_t *frame, size_t len) {
    uint8_t next;
    n->rsr = good_status(frame);
    if (n->rcr & RCR_MON) {
        n->rsr |= RSR_MPA | RSR_DIS;
        count(n, TALLY_MISSED);
    } else if (fits(n, len, &next)) {
        store(n, frame, len, next);
    } else {
        n->rsr |= RSR_MPA;
        count(n, TALLY_MISSED);
        ne2000_raise(n, ISR_OVW);
    }
}

/* Wires carry 60 bytes at least. */
void ne2000_receive(void *opaque, const uint8_t *frame, size_t len) {
    struct ne2000 *n = opaque;
    uint8_t padded[NET_PADDED_MIN] = {0};
    if (!n->started || looped(n) || len < NET_FRAME_MIN || len > NET_FRAME_MAX || !wants(n, frame)) return;
    if (len < sizeof padded) {
        memcpy(padded, frame, len);
        frame = padded;
        len = sizeof padded;
    }
    take(n, frame, len);
}

/* ---- Loopback ---- */

/* Is the frame's own end its check sequence? */
static bool ends_in_fcs(const uint8_t *frame, size_t len) {
    uint32_t fcs = ~net_crc32(frame, len - NET_FCS_BYTES);
    for (int i = 0; i < NET_FCS_BYTES; i++)
        if (frame[len - NET_FCS_BYTES + (size_t)i] != (uint8_t)(fcs >> (8 * i))) return false;
    return true;
}

/* The FIFO ends up with the byte count, the last byte and four bytes of check sequence. */
static void fill_fifo(struct ne2000 *n, const uint8_t *frame, size_t len) {
    bool appended = !(n->tcr & TCR_CRC);
    size_t total = appended ? len + NET_FCS_BYTES : len;
    uint32_t fcs = ~net_crc32(frame, len);
    n->fifo[0] = (uint8_t)total;
    n->fifo[1] = n->fifo[2] = (uint8_t)(total >> 8);
    n->fifo[3] = appended ? frame[len - 1] : frame[len - NET_FCS_BYTES - 1];
    for (unsigned i = 0; i < NET_FCS_BYTES; i++)
        n->fifo[4 + i] = (uint8_t)(appended ? fcs >> (8 * i) : frame[len - NET_FCS_BYTES + i]);
    n->fifo_at = 0;
}

/* One CRC unit serves both directions: of a check sequence that the transmitter made the receiver sees an error.
 * Nothing is stored, so that PRX stays off. Modes: 1 inside the controller, 2 the encoder, 3 the cable. */
static void loop_back(struct ne2000 *n, const uint8_t *frame, size_t len) {
    static const uint8_t line_status[] = {0, TSR_CRS | TSR_CDH, TSR_CDH, 0};
    bool heard = wants(n, frame);
    bool wrong = heard && !((n->tcr & TCR_CRC) && ends_in_fcs(frame, len));
    n->tsr = TSR_PTX | line_status[(n->tcr & TCR_LB) >> TCR_LB_SHIFT];
    n->rsr = (uint8_t)((wrong ? RSR_CRC : RSR_PRX) | (frame[0] & 1 ? RSR_PHY : 0));
    if (wrong) count(n, TALLY_CRC);
    fill_fifo(n, frame, len);
}

/* ---- Transmission ---- */

/* A frame that no wire carries leaves the card, and nobody hears it. A check sequence of the guest's own is its last
 * four bytes: the backend's frames have none. */
void ne2000_transmit(struct ne2000 *n) {
    uint8_t frame[NET_FRAME_MAX + NET_FCS_BYTES];
    size_t len = n->tbcr;
    uint16_t at = (uint16_t)(n->tpsr << 8);
    n->tsr = TSR_PTX;
    for (size_t i = 0; i < len && i < sizeof frame; i++) frame[i] = ne2000_mem_read(n, (uint16_t)(at + i));
    if (looped(n)) {
        if (len >= NET_FRAME_MIN && len <= sizeof frame) loop_back(n, frame, len);
    } else {
        if ((n->tcr & TCR_CRC) && len > NET_FCS_BYTES) len -= NET_FCS_BYTES;
        if (len >= NET_FRAME_MIN && len <= NET_FRAME_MAX) n->net->send(n->net->opaque, frame, len);
    }
    ne2000_raise(n, ISR_PTX);
}
