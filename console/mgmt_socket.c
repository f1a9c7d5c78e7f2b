#include "console/mgmt_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == MGMT_PATH, "sun_path");

static bool fail(char *errbuf, size_t errlen, const char *what, const char *path, const char *why) {
    snprintf(errbuf, errlen, "console: %s %s: %s", what, path, why);
    return false;
}

/* ---- The folder ---- */

static void folder_path(char path[MGMT_PATH]) {
    enum { ROOM_FOR_NAMES = 40 };
    const char *run = getenv("XDG_RUNTIME_DIR");
    bool usable = run && run[0] == '/' && !access(run, W_OK | X_OK);
    int n = usable ? snprintf(path, MGMT_PATH, "%s/novt", run) : MGMT_PATH;
    if (n >= MGMT_PATH - ROOM_FOR_NAMES) snprintf(path, MGMT_PATH, "/tmp/novt-%u", (unsigned)getuid());
}

/* Others could put a folder of theirs there, or look into ours. */
static bool folder_ours(const char *path, char *errbuf, size_t errlen) {
    struct stat st;
    if (lstat(path, &st)) return fail(errbuf, errlen, "cannot use", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return fail(errbuf, errlen, "cannot use", path, "it is not a folder");
    if (st.st_uid != getuid()) return fail(errbuf, errlen, "cannot use", path, "it belongs to somebody else");
    if (st.st_mode & 077) return fail(errbuf, errlen, "cannot use", path, "others may get at it (mode 0700 is needed)");
    return true;
}

bool mgmt_socket_folder(char path[MGMT_PATH], bool make, char *errbuf, size_t errlen) {
    struct stat st;
    folder_path(path);
    errbuf[0] = 0;
    if (make && mkdir(path, 0700) && errno != EEXIST) return fail(errbuf, errlen, "cannot make", path, strerror(errno));
    if (!make && lstat(path, &st) && errno == ENOENT) return false;
    return folder_ours(path, errbuf, errlen);
}

/* ---- Names ---- */

static bool plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_+.@:,=", c);
}

void mgmt_socket_plain(const char *name, char *out, size_t size) {
    size_t i = 0;
    for (; name[i] && i + 1 < size; i++) out[i] = plain(name[i]) && (i || name[i] != '.') ? name[i] : '_';
    out[i] = 0;
}

/* A socket that nobody listens on is left over from a run that died; anything else is not ours to remove. */
static bool is_free(const char *path) {
    struct stat st;
    if (lstat(path, &st)) return true;
    if (!S_ISSOCK(st.st_mode)) return false;
    int fd = mgmt_socket_connect(path);
    bool dead = fd < 0 && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return dead && !unlink(path);
}

bool mgmt_socket_choose(const char *name, char path[MGMT_PATH], char *errbuf, size_t errlen) {
    char folder[MGMT_PATH], shown[MGMT_PATH] = "";
    if (!mgmt_socket_folder(folder, true, errbuf, errlen)) return false;
    if (name) mgmt_socket_plain(name, shown, sizeof shown);
    int n = shown[0] ? snprintf(path, MGMT_PATH, "%s/%s.sock", folder, shown) : MGMT_PATH;
    if (n < MGMT_PATH && is_free(path)) return true;
    n = snprintf(path, MGMT_PATH, "%s/%d.sock", folder, (int)getpid());
    return (n < MGMT_PATH && is_free(path)) || fail(errbuf, errlen, "cannot use", folder, "no name is free");
}

/* ---- Sockets ---- */

static bool address(struct sockaddr_un *a, const char *path) {
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a->sun_path) return errno = ENAMETOOLONG, false;
    strcpy(a->sun_path, path);
    return true;
}

int mgmt_socket_connect(const char *path) {
    struct sockaddr_un a;
    if (!address(&a, path)) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !connect(fd, (const struct sockaddr *)&a, sizeof a)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The file gets the mode that the socket has before: there is no moment in which others could connect. */
static bool bind_private(int fd, const struct sockaddr_un *a) {
    return !fchmod(fd, 0600) && !bind(fd, (const struct sockaddr *)a, sizeof *a);
}

int mgmt_socket_listen(const char *path, char *errbuf, size_t errlen) {
    struct sockaddr_un a;
    bool ok = address(&a, path);
    if (ok && !is_free(path)) {
        fail(errbuf, errlen, "cannot listen on", path, "the file exists or the socket is in use");
        return -1;
    }
    int fd = ok ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (fd >= 0 && bind_private(fd, &a) && !listen(fd, BACKLOG)) return fd;
    fail(errbuf, errlen, "cannot listen on", path, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

int mgmt_socket_listen_tcp(unsigned port, char *errbuf, size_t errlen) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int one = 1;
    char shown[24];
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) &&
              !bind(fd, (const struct sockaddr *)&a, sizeof a) && !listen(fd, BACKLOG);
    if (ok) return fd;
    snprintf(shown, sizeof shown, "127.0.0.1:%u", port);
    fail(errbuf, errlen, "cannot listen on", shown, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}
