#include "monitor/net_handshake.h"

#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net.h"

enum { ETHERTYPE_AT = 12, ETHERTYPE_IPV4 = 0x0800 };
enum { IP_MIN = 20, IP_LEN = 2, IP_FRAGMENT = 6, IP_PROTOCOL = 9, IP_ADDRESSES = 12, IP_TCP = 6 };
enum { FRAGMENT_OFFSET = 0x1FFF, ADDRESSES_BYTES = 8 };
enum { TCP_MIN = 20, TCP_NUMBERS_BYTES = 12, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_CHECKSUM = 16 };
enum { FLAG_SYN = 2, FLAG_ACK = 0x10, NOPS = 0x0101 };

/* IP and TCP give their headers' lengths in words of four bytes. */
static size_t ip_header(const uint8_t *ip) { return (size_t)(ip[0] & 15) * 4; }
static size_t tcp_header(const uint8_t *tcp) { return (size_t)(tcp[TCP_OFFSET] >> 4) * 4; }

/* The TCP header of a frame that carries a whole one, or NULL. */
static const uint8_t *find_tcp(const uint8_t *frame, size_t len) {
    const uint8_t *ip = frame + NET_FRAME_MIN;
    if (len < NET_FRAME_MIN + IP_MIN || get_be16(frame + ETHERTYPE_AT) != ETHERTYPE_IPV4) return NULL;
    size_t total = get_be16(ip + IP_LEN), header = ip_header(ip);
    if (ip[0] >> 4 != 4 || header < IP_MIN || total > len - NET_FRAME_MIN || total < header + TCP_MIN) return NULL;
    if (ip[IP_PROTOCOL] != IP_TCP || get_be16(ip + IP_FRAGMENT) & FRAGMENT_OFFSET) return NULL;
    size_t tcp = tcp_header(ip + header);
    return tcp >= TCP_MIN && tcp <= total - header ? ip + header : NULL;
}

bool net_handshake_repeated(struct net_handshakes *h, const uint8_t *frame, size_t len) {
    uint8_t key[NET_HANDSHAKE_KEY];
    const uint8_t *tcp = find_tcp(frame, len);
    if (!tcp || (tcp[TCP_FLAGS] & (FLAG_SYN | FLAG_ACK)) != (FLAG_SYN | FLAG_ACK)) return false;
    memcpy(key, frame + NET_FRAME_MIN + IP_ADDRESSES, ADDRESSES_BYTES);
    memcpy(key + ADDRESSES_BYTES, tcp, TCP_NUMBERS_BYTES);
    for (int i = 0; i < NET_HANDSHAKES; i++)
        if (!memcmp(h->key[i], key, sizeof key)) return true;
    memcpy(h->key[h->next++ % NET_HANDSHAKES], key, sizeof key);
    return false;
}

/* The checksum is the complement of a ones' complement sum, which takes the words' differences (RFC 1624). */
void net_handshake_strip(uint8_t *frame) {
    uint8_t *tcp = frame + NET_FRAME_MIN + ip_header(frame + NET_FRAME_MIN);
    uint32_t sum = (uint16_t)~get_be16(tcp + TCP_CHECKSUM);
    for (size_t at = TCP_MIN; at < tcp_header(tcp); at += 2) {
        sum += (uint16_t)~get_be16(tcp + at) + (uint32_t)NOPS;
        put_be16(tcp + at, NOPS);
    }
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    put_be16(tcp + TCP_CHECKSUM, (uint16_t)~sum);
}
