/*
 * chr_pty.c: the pseudo-terminal backend. Its name is printed; whoever opens it
 * sees what the kernel has kept of the output, and may come and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "monitor/chr_internal.h"

/* Bytes as they are: no echo, no line editing. Whoever opens the terminal may change that. */
static bool make_raw(int fd) {
    struct termios t;
    if (tcgetattr(fd, &t)) return false;
    cfmakeraw(&t);
    return !tcsetattr(fd, TCSANOW, &t);
}

bool chr_pty_open(struct mon_chr *c, char *errbuf, size_t errlen) {
    char name[64];
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && !grantpt(fd) && !unlockpt(fd) && !ptsname_r(fd, name, sizeof name);
    if (ok) c->peer_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!ok || c->peer_fd < 0 || !make_raw(c->peer_fd)) {
        snprintf(errbuf, errlen, "%s: cannot open a pseudo-terminal: %s", c->name, strerror(errno));
        if (fd >= 0) close(fd);
        if (c->peer_fd >= 0) close(c->peer_fd);
        return false;
    }
    c->own_fds = true;
    c->in_fd = fd;
    c->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* epoll watches a descriptor once, and there are two directions */
    if (c->out_fd < 0) c->out_fd = fd;
    fprintf(stderr, "novt: %s is %s\n", c->name, name);
    return true;
}
