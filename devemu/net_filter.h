/*
 * net_filter.h: what Ethernet adapters have in common: kinds of addresses, the frame check sequence, and the
 * six-bit multicast hashes made from it.
 *
 * Source: IEEE 802.3, 3.2.3 "Address fields" and 3.2.9 "Frame Check Sequence".
 */
#ifndef NOVT_DEVEMU_NET_FILTER_H
#define NOVT_DEVEMU_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "devemu/net.h"

enum { NET_FCS_BYTES = 4, NET_PADDED_MIN = 60 /* shortest legal frame, without FCS */ };

enum net_address { NET_UNICAST, NET_MULTICAST, NET_BROADCAST };

/* What kind of destination the six bytes name. */
enum net_address net_address_kind(const uint8_t *mac);
bool net_same_address(const uint8_t *a, const uint8_t *b);

/* The CRC register after `len` bytes, first bit lowest, not inverted: the frame check sequence on the wire is
 * ~net_crc32(...), lowest byte first. */
uint32_t net_crc32(const uint8_t *data, size_t len);

/* Hash of an address, 0..63: the six top bits of the CRC register. Data sheets draw the register in one of two
 * directions: with the polynomial's highest power on the left (National, RealTek) or on the right (AMD). */
unsigned net_hash_high_first(const uint8_t *mac);
unsigned net_hash_low_first(const uint8_t *mac);
#endif
