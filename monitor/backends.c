#include "monitor/backends.h"

bool backends_open(struct backends *b, const struct mon_config *cfg, const struct chr_host *host, char *errbuf,
                   size_t errlen) {
    static const char *const names[MON_SERIALS] = {"serial", "second serial", "third serial", "fourth serial"};
    for (unsigned i = 0; i < cfg->serials; i++) {
        b->serial[i] = chr_open(names[i], &cfg->serial[i], host, errbuf, errlen);
        if (!b->serial[i]) return false;
    }
    b->parallel = chr_open("parallel", &cfg->parallel, host, errbuf, errlen);
    if (!b->parallel) return false;
    b->debugcon = chr_open("debugcon", &cfg->debugcon, host, errbuf, errlen);
    return b->debugcon != NULL;
}

void backends_each(struct backends *b, void (*fn)(struct mon_chr *c)) {
    for (unsigned i = 0; i < MON_SERIALS; i++) fn(b->serial[i]);
    fn(b->parallel);
    fn(b->debugcon);
}

void backends_close(struct backends *b) { backends_each(b, chr_close); }
