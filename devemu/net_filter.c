/*
 * net_filter.c: address kinds, CRC-32 by half bytes, multicast hashes.
 *
 * Source: IEEE 802.3, 3.2.9 "Frame Check Sequence": polynomial 04C11DB7h, bits of a byte lowest first.
 */
#include "devemu/net_filter.h"
#include <string.h>

enum { HASH_BITS = 6 };

enum net_address net_address_kind(const uint8_t *mac) {
    static const uint8_t broadcast[NET_MAC_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (!(mac[0] & 1)) return NET_UNICAST;
    return memcmp(mac, broadcast, sizeof broadcast) ? NET_MULTICAST : NET_BROADCAST;
}

bool net_same_address(const uint8_t *a, const uint8_t *b) { return !memcmp(a, b, NET_MAC_BYTES); }

uint32_t net_crc32(const uint8_t *data, size_t len) {
    /* What four zero bits do to the register whose low half byte is the index. */
    static const uint32_t step[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ step[crc & 15];
        crc = crc >> 4 ^ step[crc & 15];
    }
    return crc;
}

unsigned net_hash_low_first(const uint8_t *mac) { return net_crc32(mac, NET_MAC_BYTES) >> (32 - HASH_BITS); }

unsigned net_hash_high_first(const uint8_t *mac) {
    uint32_t crc = net_crc32(mac, NET_MAC_BYTES);
    unsigned hash = 0;
    for (int bit = 0; bit < HASH_BITS; bit++) hash = hash << 1 | (crc >> bit & 1);
    return hash;
}
