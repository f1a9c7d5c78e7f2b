/*
 * net_handshake.h: SYN-ACKs that the guest repeats, on their way to libslirp.
 *
 * libslirp (4.7) heeds the segment size option of every SYN, also in an established connection, and then starts with
 * empty buffers. A guest repeats its SYN-ACK when the ACK is late; by then bytes from the host wait there, and would
 * be missing in the stream with nobody the wiser. So a repeated SYN-ACK reaches libslirp without its options, and is
 * acknowledged like any old segment. IPv4 only, as forwarded ports are. Callers: net_user.c, tests.
 */
#ifndef NOVT_MONITOR_NET_HANDSHAKE_H
#define NOVT_MONITOR_NET_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_HANDSHAKES = 64, NET_HANDSHAKE_KEY = 20 };

/* The last SYN-ACKs: addresses, ports, sequence and acknowledgement numbers. All zeros at first. */
struct net_handshakes {
    uint8_t key[NET_HANDSHAKES][NET_HANDSHAKE_KEY];
    unsigned next;
};

/* Is the guest's frame a SYN-ACK that has been here? If not, but it is one, it is remembered. */
bool net_handshake_repeated(struct net_handshakes *h, const uint8_t *frame, size_t len);
/* Makes no-operations of the options of such a frame, and its checksum right again. */
void net_handshake_strip(uint8_t *frame);
#endif
