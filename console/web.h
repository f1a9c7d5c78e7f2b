/*
 * web.h: the management console in a browser: HTTP on a loopback port. docs/CONSOLE.md.
 *
 * It lives on the console's thread: libmicrohttpd brings an epoll descriptor that the console's own epoll watches, so
 * commands run one at a time whoever asks. It never blocks; connections, their memory and their time are bounded.
 * Who asks must have the token (in the URL, afterwards as a cookie), must address us by a loopback name (DNS
 * rebinding) and, to change anything, must be our own page. Assets are an exact table, embedded at build time.
 */
#ifndef NOVT_CONSOLE_WEB_H
#define NOVT_CONSOLE_WEB_H

#include <stddef.h>
#include <stdint.h>

struct mgmt;
struct web;
/* Listens at 127.0.0.1:port and prints the URL on stderr. NULL: errbuf holds one line. */
struct web *web_open(struct mgmt *g, uint16_t port, char *errbuf, size_t errlen);
/* What to watch for reading, and to be called then. */
int web_fd(const struct web *w);
void web_run(struct web *w);
/* When to be called at the latest, in ms; -1: not before there is something to read. */
int web_wait_ms(const struct web *w);
void web_close(struct web *w);
#endif
