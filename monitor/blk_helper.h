/*
 * blk_helper.h: a qemu-nbd of one image: started, connected to, listened to, and ended.
 *
 * Private to blk_nbd.c. All on the thread that started it, which must live as long: the helper is told to end (SIGTERM)
 * when that thread does. The socket has no name any more when blk_helper_start returns, so a killed novt leaves
 * nothing behind, and its helper, which serves this one connection only, closes the image and ends.
 */
#ifndef NOVT_MONITOR_BLK_HELPER_H
#define NOVT_MONITOR_BLK_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "monitor/guess.h"

struct blk_helper {
    pid_t pid;      /* 0: none */
    int error_fd;   /* reads its stderr */
    int said_lines; /* of it, given to the user */
};

/* Returns a connected socket, whose other end speaks NBD or is closed; -1: errbuf holds one line. */
int blk_helper_start(struct blk_helper *h, const char *path, enum mon_image_format format, bool read_only, char *errbuf,
                     size_t errlen);
/* It has not begun to serve: what it said about the reason. */
void blk_helper_reason(struct blk_helper *h, const char *path, char *errbuf, size_t errlen);
/* Repeats what it has said meanwhile on our stderr, a few lines of it. */
void blk_helper_relay(struct blk_helper *h, const char *path);
/* Waits for its end after the connection was closed; with `now`, or when it takes too long, ends it. */
void blk_helper_stop(struct blk_helper *h, const char *path, bool now);
#endif
