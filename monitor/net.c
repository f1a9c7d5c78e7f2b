#include "monitor/net.h"

struct mon_net *net_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen) {
    switch (c->kind) {
    case MON_NET_USER: return net_user_open(c, events, errbuf, errlen);
    case MON_NET_TAP: return net_tap_open(c, events, errbuf, errlen);
    }
    return NULL;
}

void net_close(struct mon_net *n) {
    if (n) n->close(n);
}
