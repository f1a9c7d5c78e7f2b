#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };

static const struct {
    const char *name;
    enum mon_log_category cat;
} categories[] = {
    {"exit", MON_LOG_EXIT},     {"exception", MON_LOG_EXCEPTION}, {"irq", MON_LOG_IRQ},
    {"io", MON_LOG_IO},         {"block", MON_LOG_BLOCK},         {"mmu", MON_LOG_MMU},
    {"device", MON_LOG_DEVICE},
};
enum { CATEGORY_COUNT = sizeof categories / sizeof categories[0] };

unsigned log_category(const char *name, size_t len) {
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (strlen(categories[i].name) == len && !memcmp(categories[i].name, name, len)) return categories[i].cat;
    return 0;
}

const char *mon_log_category_name(unsigned i) { return i < CATEGORY_COUNT ? categories[i].name : NULL; }

unsigned mon_log_parse(const char *list) {
    unsigned mask = 0;
    for (;;) {
        size_t len = strcspn(list, ",");
        unsigned cat = log_category(list, len);
        if (!cat) return 0;
        mask |= cat;
        if (!list[len]) return mask;
        list += len + 1;
    }
}

static const char *name_of(enum mon_log_category cat) {
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (categories[i].cat == cat) return categories[i].name;
    return "?";
}

bool log_open(struct mon_log *l, unsigned mask, const char *file) {
    memset(l, 0, sizeof *l);
    l->mask = mask;
    l->own_fd = file != NULL;
    l->fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666) : STDERR_FILENO;
    return l->fd >= 0;
}

void log_close(struct mon_log *l) {
    if (l->own_fd && l->fd >= 0) close(l->fd);
    memset(l, 0, sizeof *l);
    l->fd = -1;
}

/* A log that cannot be written must not stop the machine: said once. */
static void report_failure(struct mon_log *l, int error) {
    if (l->failed) return;
    l->failed = true;
    if (l->own_fd) fprintf(stderr, "novt: cannot write the log file: %s; log lines are lost\n", strerror(error));
}

static void put(struct mon_log *l, const char *buf, size_t n) {
    while (n) {
        ssize_t w = write(l->fd, buf, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) {
            report_failure(l, w < 0 ? errno : ENOSPC);
            return;
        }
        buf += w;
        n -= (size_t)w;
    }
}

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

void log_vwrite(struct mon_log *l, enum mon_log_category cat, const char *subject, const char *fmt, va_list ap) {
    if (!(l->mask & cat)) return;
    if (l->park) l->park(l->park_opaque);
    char line[LINE_MAX_BYTES];
    int head = snprintf(line, sizeof line, "%s: %s%s", name_of(cat), subject ? subject : "", subject ? ": " : "");
    size_t n = min_size((size_t)head, sizeof line - 2);
    int body = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    n = min_size(n + (size_t)(body < 0 ? 0 : body), sizeof line - 2);
    if (line[n - 1] != '\n') line[n++] = '\n';
    put(l, line, n);
}

void log_write(struct mon_log *l, enum mon_log_category cat, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    log_vwrite(l, cat, NULL, fmt, ap);
    va_end(ap);
}
