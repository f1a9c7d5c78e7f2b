/* opt_net.c: --net KIND[,key=value]... */
#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "console/keyvalue.h"
#include "console/options.h"
#include "console/parse.h"

enum { PORT_MAX = 65535, IRQ_MAX = 15 };

static const char *take_kind(struct run_options *r, void *target, const char *v) {
    struct mon_nic_config *n = target;
    (void)r;
    n->kind = !strcmp(v, "tap") ? MON_NET_TAP : MON_NET_USER;
    return n->kind == MON_NET_TAP || !strcmp(v, "user") ? NULL : "must be user, tap or none";
}

static bool parse_mac(const char *v, uint8_t mac[6]) {
    bool any = false;
    for (int i = 0; i < 6; i++, v += 3) {
        if (!isxdigit((unsigned char)v[0]) || !isxdigit((unsigned char)v[1]) || v[2] != (i < 5 ? ':' : 0)) return false;
        mac[i] = (uint8_t)strtoul((char[]){v[0], v[1], 0}, NULL, 16);
        any |= mac[i] != 0;
    }
    return any && !(mac[0] & 1); /* an adapter is not a group */
}

static const char *take_mac(struct run_options *r, void *target, const char *v) {
    struct mon_nic_config *n = target;
    (void)r;
    n->mac_given = parse_mac(v, n->mac);
    return n->mac_given ? NULL : "must be the address of one adapter such as 52:54:00:12:34:56";
}

static const char *take_rom(struct run_options *r, void *target, const char *v) {
    struct mon_nic_config *n = target;
    n->rom = strcmp(v, "none") ? opt_path(r, v) : "none";
    return NULL;
}

static const char *take_boot_index(struct run_options *r, void *target, const char *v) {
    (void)r;
    return opt_boot_index(&((struct mon_nic_config *)target)->boot_index, v);
}

static const char *take_fd(struct run_options *r, void *target, const char *v) {
    uint64_t fd;
    (void)r;
    if (!parse_number(v, INT_MAX, &fd)) return "must be the number of an open descriptor";
    ((struct mon_nic_config *)target)->fd = (int)fd;
    return NULL;
}

/* [ADDRESS]:PORT; no address is `otherwise`. */
static bool parse_endpoint(const char *v, size_t len, uint32_t otherwise, uint32_t *addr, uint16_t *port) {
    char text[INET_ADDRSTRLEN + sizeof ":65535"], *colon;
    struct in_addr a = {otherwise};
    uint64_t n;
    if (len >= sizeof text) return false;
    memcpy(text, v, len);
    text[len] = 0;
    colon = strchr(text, ':');
    if (!colon || !parse_number(colon + 1, PORT_MAX, &n) || !n) return false;
    *colon = 0;
    if (*text && inet_pton(AF_INET, text, &a) != 1) return false;
    *addr = a.s_addr;
    *port = (uint16_t)n;
    return true;
}

/* tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT */
static bool parse_forward(const char *v, struct mon_hostfwd *f) {
    const char *dash = strchr(v, '-'), *host = v + 4;
    f->udp = !strncmp(v, "udp:", 4);
    if (!dash || (!f->udp && strncmp(v, "tcp:", 4) != 0)) return false;
    return parse_endpoint(host, (size_t)(dash - host), htonl(INADDR_LOOPBACK), &f->host_addr, &f->host_port) &&
           parse_endpoint(dash + 1, strlen(dash + 1), 0, &f->guest_addr, &f->guest_port);
}

static const char *take_hostfwd(struct run_options *r, void *target, const char *v) {
    struct mon_nic_config *n = target;
    (void)r;
    if (n->hostfwds == MON_HOSTFWDS) return "is given too often";
    bool good = parse_forward(v, &n->hostfwd[n->hostfwds++]);
    return good ? NULL : "must be tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT";
}

#define AT(field) offsetof(struct mon_nic_config, field)

static const struct kv_key net_keys[] = {
    {.name = "kind", .type = KV_CALL, .call = take_kind, .implied = true},
    {.name = "model", .type = KV_TEXT, .at = AT(model)},
    {.name = "mac", .type = KV_CALL, .call = take_mac},
    {.name = "rom", .type = KV_CALL, .call = take_rom},
    {.name = "bootindex", .type = KV_CALL, .call = take_boot_index},
    {.name = "iobase", .type = KV_NUMBER, .at = AT(iobase), .limit = PORT_MAX},
    {.name = "irq", .type = KV_NUMBER, .at = AT(irq), .limit = IRQ_MAX},
    {.name = "fd", .type = KV_CALL, .call = take_fd},
    {.name = "hostfwd", .type = KV_CALL, .call = take_hostfwd, .repeats = true},
    {.name = "restrict", .type = KV_SWITCH, .at = AT(restricted)},
    {.name = "tftp", .type = KV_PATH, .at = AT(tftp)},
    {.name = "bootfile", .type = KV_TEXT, .at = AT(bootfile)},
    {0},
};

/* The first --net takes the place of the default. */
const char *opt_net(struct run_options *r, const char *v) {
    struct mon_net_config *c = &r->config.net;
    if (c->by_default) *c = (struct mon_net_config){0};
    if (!strcmp(v, "none")) return c->nics ? "does not go with other networks" : NULL;
    if (c->nics == MON_NICS) return "is one too many";
    struct mon_nic_config *n = &c->nic[c->nics++];
    *n = (struct mon_nic_config){.fd = -1};
    return kv_parse(r, v, net_keys, n);
}
