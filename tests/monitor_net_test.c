/* monitor_net_test.c: networks behind adapters: a DHCP server answers over the user network, a stream over a forwarded
 * port survives a handshake that is repeated; frames pass a socket pair both ways; what cannot work is said before the
 * run. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "devemu/bytes.h"
#include "monitor/net.h"
#include "monitor/net_handshake.h"
#include "monitor/net_ring.h"

static struct mon_events ev;
static struct {
    bool ready;
    int frames;
    uint8_t last[NET_FRAME_MAX];
    size_t len;
} nic;

static void (*each_frame)(const uint8_t *frame); /* several may come in one dispatch */

static bool can_receive(void *o) { return (void)o, nic.ready; }
static void receive(void *o, const uint8_t *frame, size_t len) {
    (void)o;
    nic.frames++;
    if (each_frame) each_frame(frame);
    nic.len = len;
    memcpy(nic.last, frame, len);
}

static struct mon_net *open_net(const struct mon_nic_config *c, const char *wrong) {
    char error[512] = "";
    struct mon_net *n = net_open(c, &ev, error, sizeof error);
    if (wrong) {
        assert_null(n);
        assert_non_null(strstr(error, wrong));
        return NULL;
    }
    assert_string_equal(error, "");
    n->dev.can_receive = can_receive;
    n->dev.receive = receive;
    memset(&nic, 0, sizeof nic);
    nic.ready = true;
    return n;
}

static uint64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* As the run loop does, until frame `count` is there. */
static void wait_for(int count) {
    for (uint64_t end = now_ns() + 20000000000u; nic.frames < count;) {
        assert_true(now_ns() < end);
        events_sleep(&ev, now_ns() + 100000000);
        events_take(&ev);
        events_dispatch(&ev);
    }
}

static uint16_t sum(const uint8_t *p, size_t len) {
    uint32_t s = 0;
    for (size_t i = 0; i < len; i += 2) s += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (s >> 16) s = (s & 0xFFFF) + (s >> 16);
    return (uint16_t)~s;
}

/* A DHCPDISCOVER in UDP (no checksum) in IP in Ethernet. */
static size_t discover(uint8_t *f) {
    static const uint8_t head[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0};
    static const uint8_t ip[] = {0x45, 0, 1, 20, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255};
    static const uint8_t udp[] = {0, 68, 0, 67, 1, 0, 0, 0}, options[] = {0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255};
    memset(f, 0, 14 + 276);
    memcpy(f, head, sizeof head);
    memcpy(f + 14, ip, sizeof ip);
    uint16_t s = sum(f + 14, sizeof ip);
    f[24] = (uint8_t)(s >> 8), f[25] = (uint8_t)s;
    memcpy(f + 34, udp, sizeof udp);
    uint8_t *b = f + 42;
    b[0] = b[1] = 1, b[2] = 6;
    memcpy(b + 28, head + 6, 6);
    memcpy(b + 236, options, sizeof options);
    return 14 + 276;
}

static bool is_offer(void) { return nic.len > 282 && nic.last[23] == 17 && nic.last[42] == 2; }

static void dhcp_offers_an_address(void **state) {
    static const uint8_t offered[4] = {10, 0, 2, 15};
    uint8_t frame[512];
    struct mon_net *n = open_net(&(struct mon_nic_config){.kind = MON_NET_USER, .fd = -1, .restricted = true}, NULL);
    (void)state;
    n->dev.send(n->dev.opaque, frame, discover(frame));
    for (int i = 1; !is_offer(); i++) wait_for(i); /* router advertisements may come before */
    assert_memory_equal(nic.last + 42 + 16, offered, 4);
    nic.ready = false; /* what waits is neither lost nor pressed upon the adapter at once */
    int before = nic.frames;
    n->dev.send(n->dev.opaque, frame, discover(frame));
    nic.ready = true;
    n->dev.ready(n->dev.opaque);
    wait_for(before + 1);
    for (int i = 0; i < 5000; i++) n->dev.send(n->dev.opaque, frame, i % 2 ? 14 + (size_t)i % 290 : NET_FRAME_MAX + 1);
    net_close(n);
}

/* ---- A guest with a TCP of its own at the end of a forwarded port ---- */

enum { FIN = 1, SYN = 2, RST = 4, ACK = 0x10, GUEST_PORT = 80, GUEST_SEQ = 1000, STREAM = 60000 };
static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static struct {
    uint8_t host[6], port[2], flags, got[2 * STREAM]; /* flags: of all segments */
    uint32_t next;                                    /* sequence number that is expected */
    size_t len;
} tcp;

/* An ACK, or a SYN-ACK with a segment size, in IP in Ethernet. */
static size_t segment(uint8_t *f, uint8_t flags) {
    static const uint8_t ip[] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2};
    static const uint8_t mss[] = {2, 4, 1460 >> 8, 1460 & 0xFF};
    size_t options = flags & SYN ? sizeof mss : 0, bytes = 20 + options;
    uint8_t pseudo[12 + 24] = {10, 0, 2, 15, 10, 0, 2, 2, 0, 6, 0, (uint8_t)bytes}, *t = f + 34;
    memset(f, 0, 14 + 20 + 24);
    memcpy(f, tcp.host, 6);
    memcpy(f + 6, guest_mac, 6);
    put_be16(f + 12, 0x0800);
    memcpy(f + 14, ip, sizeof ip);
    put_be16(f + 16, (uint16_t)(20 + bytes));
    put_be16(f + 24, sum(f + 14, 20));
    put_be16(t, GUEST_PORT);
    memcpy(t + 2, tcp.port, 2);
    put_be32(t + 4, flags & SYN ? GUEST_SEQ : GUEST_SEQ + 1);
    put_be32(t + 8, tcp.next);
    t[12] = (uint8_t)(bytes / 4 << 4);
    t[13] = flags;
    put_be16(t + 14, 32768);
    if (options) memcpy(t + 20, mss, sizeof mss);
    memcpy(pseudo + 12, t, bytes);
    put_be16(t + 16, sum(pseudo, 12 + bytes));
    return 34 + bytes;
}

static void answer(struct mon_net *n, uint8_t flags) {
    uint8_t f[64];
    n->dev.send(n->dev.opaque, f, segment(f, flags));
}

/* Keeps what comes in order. */
static void hear(const uint8_t *frame) {
    const uint8_t *ip = frame + 14, *t = ip + 20;
    if (get_be16(frame + 12) != 0x0800 || ip[9] != 6) return;
    size_t header = (size_t)(t[12] >> 4) * 4, len = get_be16(ip + 2) - 20u - header;
    assert_false(t[13] & RST);
    if (t[13] & SYN) {
        memcpy(tcp.host, frame + 6, 6);
        memcpy(tcp.port, t, 2);
        tcp.next = get_be32(t + 4) + 1;
    } else if (get_be32(t + 4) == tcp.next && !(tcp.flags & FIN) && tcp.len + len <= sizeof tcp.got) {
        memcpy(tcp.got + tcp.len, t + header, len);
        tcp.len += len;
        tcp.next += (uint32_t)len + (t[13] & FIN);
    } else {
        return;
    }
    tcp.flags |= t[13];
}

/* "Here I am", by ARP: libslirp sends nothing to a guest that it has not heard of. */
static void announce(struct mon_net *n) {
    uint8_t f[42] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    static const uint8_t address[4] = {10, 0, 2, 15};
    memcpy(f + 6, guest_mac, 6);
    memcpy(f + 22, guest_mac, 6);
    memcpy(f + 28, address, 4);
    memcpy(f + 38, address, 4);
    n->dev.send(n->dev.opaque, f, sizeof f);
}

static uint16_t free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int dial(const struct sockaddr_in *a, const uint8_t *data, size_t len) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)a, sizeof *a), 0);
    assert_int_equal(send(fd, data, len, 0), len);
    return fd;
}

static void repeated_handshake_loses_nothing(void **state) {
    static uint8_t data[STREAM];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct mon_nic_config c = {.kind = MON_NET_USER, .hostfwds = 1};
    (void)state;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i ^ i >> 8);
    a.sin_port = htons(free_port());
    c.hostfwd[0] =
        (struct mon_hostfwd){.host_addr = a.sin_addr.s_addr, .host_port = ntohs(a.sin_port), .guest_port = GUEST_PORT};
    struct mon_net *n = open_net(&c, NULL);
    each_frame = hear;
    announce(n);
    int fd = dial(&a, data, sizeof data);
    while (!(tcp.flags & SYN)) wait_for(nic.frames + 1);
    answer(n, SYN | ACK);
    while (!tcp.len) wait_for(nic.frames + 1);
    close(fd);
    uint32_t next = tcp.next;
    tcp.next -= (uint32_t)tcp.len; /* as if neither the ACK nor the first data had come yet */
    answer(n, SYN | ACK);
    tcp.next = next;
    for (answer(n, ACK); !(tcp.flags & FIN); answer(n, ACK)) wait_for(nic.frames + 1);
    each_frame = NULL;
    assert_int_equal(tcp.len, sizeof data);
    assert_memory_equal(tcp.got, data, sizeof data);
    net_close(n);
}

static void only_whole_repeated_handshakes_count(void **state) {
    static struct net_handshakes h;
    uint8_t f[64];
    (void)state;
    size_t len = segment(f, SYN | ACK);
    for (size_t cut = 0; cut < len; cut++) assert_false(net_handshake_repeated(&h, f, cut));
    assert_false(net_handshake_repeated(&h, f, len));
    assert_true(net_handshake_repeated(&h, f, len));
    for (size_t at = 12; at < len; at++) { /* of lengths that lie nothing is read */
        uint8_t old = f[at];
        f[at] = 0xFF;
        net_handshake_repeated(&h, f, len);
        f[at] = old;
    }
    for (int i = 0; i < NET_HANDSHAKES; i++) {
        f[38]++; /* another sequence number: the oldest is forgotten */
        assert_false(net_handshake_repeated(&h, f, len));
    }
    len = segment(f, ACK);
    for (int i = 0; i < 2; i++) assert_false(net_handshake_repeated(&h, f, len));
    segment(f, SYN | ACK);
    net_handshake_strip(f);
    uint8_t pseudo[12 + 24] = {10, 0, 2, 15, 10, 0, 2, 2, 0, 6, 0, 24};
    memcpy(pseudo + 12, f + 34, 24);
    assert_int_equal(sum(pseudo, sizeof pseudo), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(f[54 + i], 1);
}

static void bad_user_networks(void **state) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    struct mon_nic_config c = {.kind = MON_NET_USER, .hostfwds = 1};
    c.hostfwd[0] =
        (struct mon_hostfwd){.host_addr = a.sin_addr.s_addr, .host_port = ntohs(a.sin_port), .guest_port = 80};
    open_net(&c, "in use");
    close(fd);
    net_close(open_net(&c, NULL)); /* free again, and freed by closing */
    net_close(open_net(&c, NULL));
    open_net(&(struct mon_nic_config){.kind = MON_NET_USER, .tftp = "/nonexistent"}, "/nonexistent");
    open_net(&(struct mon_nic_config){.kind = MON_NET_USER, .tftp = "/dev/null"}, "not a directory");
}

static void frames_pass_a_socket_pair(void **state) {
    int fd[2];
    uint8_t frame[NET_FRAME_MAX + 1] = {1, 2, 3}, got[2048];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
    struct mon_net *n = open_net(&(struct mon_nic_config){.kind = MON_NET_TAP, .fd = fd[0]}, NULL);
    n->dev.send(n->dev.opaque, frame, 60);
    assert_int_equal(recv(fd[1], got, sizeof got, 0), 60);
    n->dev.send(n->dev.opaque, frame, sizeof frame); /* too long: lost */
    assert_int_equal(send(fd[1], frame, sizeof frame, 0), sizeof frame);
    assert_int_equal(send(fd[1], frame, 5, 0), 5);
    assert_int_equal(send(fd[1], frame, NET_FRAME_MAX, 0), NET_FRAME_MAX);
    wait_for(1);
    assert_int_equal(nic.len, NET_FRAME_MAX);
    for (int i = 0; i < 10000; i++) n->dev.send(n->dev.opaque, frame, 1000); /* nobody reads: it does not block */
    close(fd[1]);
    n->dev.send(n->dev.opaque, frame, 60); /* nobody is there: it is no signal */
    n->dev.ready(n->dev.opaque);
    net_close(n);
    close(fd[0]);
}

static void bad_descriptors(void **state) {
    int fd[2], pipes[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(pipe(pipes), 0);
    open_net(&(struct mon_nic_config){.kind = MON_NET_TAP, .fd = fd[0]}, "stream");
    open_net(&(struct mon_nic_config){.kind = MON_NET_TAP, .fd = pipes[0]}, "neither");
    open_net(&(struct mon_nic_config){.kind = MON_NET_TAP, .fd = 987}, "not open");
    for (int i = 0; i < 2; i++) close(fd[i]), close(pipes[i]);
}

static void ring_keeps_order_and_loses_what_is_too_much(void **state) {
    static struct net_ring r;
    uint8_t frame[NET_FRAME_MIN] = {0};
    (void)state;
    assert_null(net_ring_first(&r));
    assert_false(net_ring_put(&r, frame, NET_FRAME_MIN - 1));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < NET_RING_FRAMES; i++) {
            frame[0] = (uint8_t)i;
            assert_true(net_ring_put(&r, frame, sizeof frame));
        }
        assert_false(net_ring_put(&r, frame, sizeof frame));
        for (int i = 0; i < NET_RING_FRAMES; i++, net_ring_drop(&r))
            assert_int_equal(net_ring_first(&r)->data[0], (uint8_t)i);
        assert_null(net_ring_first(&r));
    }
}

static int set_up(void **state) {
    (void)state;
    signal(SIGUSR1, SIG_IGN);
    return events_init(&ev, SIGUSR1, NULL, NULL) ? 0 : -1;
}
static int tear_down(void **state) { return (void)state, events_fini(&ev), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp_offers_an_address),
        cmocka_unit_test(repeated_handshake_loses_nothing),
        cmocka_unit_test(only_whole_repeated_handshakes_count),
        cmocka_unit_test(bad_user_networks),
        cmocka_unit_test(frames_pass_a_socket_pair),
        cmocka_unit_test(bad_descriptors),
        cmocka_unit_test(ring_keeps_order_and_loses_what_is_too_much),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
