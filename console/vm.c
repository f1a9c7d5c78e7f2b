#include "console/vm.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_MAX = 64 << 10, ANSWER_MAX = 64 << 20, ANSWER_S = 60, GREETING_S = 5 };

static const char suffix[] = ".sock";

/* ---- Messages ---- */

static void set_patience(const struct vm *v, int seconds) {
    struct timeval t = {.tv_sec = seconds};
    setsockopt(v->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static bool make_room(struct vm *v) {
    if (v->room - v->len >= READ_MAX) return true;
    size_t room = v->room ? 2 * v->room : 2 * READ_MAX;
    char *text = room <= ANSWER_MAX ? realloc(v->text, room) : NULL;
    if (!text) return false;
    v->text = text;
    v->room = room;
    return true;
}

static bool receive(struct vm *v) {
    ssize_t n;
    if (!make_room(v)) return false;
    do n = recv(v->fd, v->text + v->len, READ_MAX, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) v->len += (size_t)n;
    return n > 0;
}

/* The next line as JSON; NULL: there is none. */
static json_t *next_message(struct vm *v) {
    char *end;
    size_t looked = 0;
    while (!v->len || !(end = memchr(v->text + looked, '\n', v->len - looked))) {
        looked = v->len;
        if (!receive(v)) return NULL;
    }
    size_t used = (size_t)(end - v->text) + 1;
    json_t *m = json_loadb(v->text, used, 0, NULL);
    memmove(v->text, v->text + used, v->len -= used);
    return m;
}

static bool send_all(const struct vm *v, const char *bytes, size_t n) {
    while (n) {
        ssize_t sent = send(v->fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* No end of line: the closing brace ends a command, and what follows x-novt-serial-attach is for the serial line. */
static bool send_command(const struct vm *v, const char *command, json_t *args) {
    json_t *m = json_pack("{s:s, s:o*}", "execute", command, "arguments", args);
    char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;
    bool ok = text && send_all(v, text, strlen(text));
    free(text);
    json_decref(m);
    return ok;
}

/* Events are passed over. */
static json_t *answer(struct vm *v) {
    json_t *m;
    while ((m = next_message(v)) && json_object_get(m, "event")) json_decref(m);
    return m;
}

json_t *vm_ask(struct vm *v, const char *command, json_t *args, const char **error) {
    static char why[600];
    json_t *m = send_command(v, command, args) ? answer(v) : NULL;
    json_t *result = json_incref(json_object_get(m, "return"));
    const char *desc = json_string_value(json_object_get(json_object_get(m, "error"), "desc"));
    snprintf(why, sizeof why, "%.590s", desc ? desc : "the machine has ended, or does not answer");
    json_decref(m);
    if (!result && error) *error = why;
    if (!result && !error) fprintf(stderr, "novt: %s\n", why);
    return result;
}

bool vm_wait_end(struct vm *v, int timeout_ms) {
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    while (poll(&p, 1, timeout_ms) > 0) {
        v->len = 0;
        if (!receive(v)) return true;
    }
    return false;
}

/* ---- Opening ---- */

static pid_t peer(int fd) {
    struct ucred cred;
    socklen_t size = sizeof cred;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) ? 0 : cred.pid;
}

static bool greet(struct vm *v) {
    const char *why;
    set_patience(v, GREETING_S);
    json_t *greeting = next_message(v);
    bool known = json_object_get(greeting, "QMP") != NULL;
    json_decref(greeting);
    json_t *r = known ? vm_ask(v, "qmp_capabilities", NULL, &why) : NULL;
    json_decref(r);
    set_patience(v, ANSWER_S);
    return r != NULL;
}

bool vm_open_path(struct vm *v, const char *path) {
    *v = (struct vm){.fd = mgmt_socket_connect(path)};
    snprintf(v->path, sizeof v->path, "%s", path);
    if (v->fd < 0) return false;
    v->pid = peer(v->fd);
    if (greet(v)) return true;
    vm_close(v);
    errno = EPROTO;
    return false;
}

void vm_close(struct vm *v) {
    if (v->fd >= 0) close(v->fd);
    free(v->text);
    *v = (struct vm){.fd = -1, .pid = v->pid};
}

/* ---- Finding ---- */

static int is_socket(const struct dirent *e) {
    size_t n = strlen(e->d_name), end = sizeof suffix - 1;
    return e->d_name[0] != '.' && n > end && !strcmp(e->d_name + n - end, suffix);
}

static void visit(const char *folder, char *file, void (*fn)(void *, const char *, const char *), void *opaque) {
    char path[MGMT_PATH];
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= MGMT_PATH) return;
    int fd = mgmt_socket_connect(path);
    if (fd < 0) {
        if (errno == ECONNREFUSED) unlink(path); /* of a machine that was killed */
        return;
    }
    close(fd);
    file[strlen(file) - (sizeof suffix - 1)] = 0;
    fn(opaque, path, file);
}

bool vm_each(void (*fn)(void *opaque, const char *path, const char *name), void *opaque) {
    char folder[MGMT_PATH], why[512];
    struct dirent **entries;
    if (!mgmt_socket_folder(folder, false, why, sizeof why)) {
        if (why[0]) fprintf(stderr, "novt: %s\n", why);
        return !why[0];
    }
    int n = scandir(folder, &entries, is_socket, alphasort);
    for (int i = 0; i < n; i++) {
        visit(folder, entries[i]->d_name, fn, opaque);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return true;
}

struct search {
    const char *which;
    char plain[MGMT_PATH], path[MGMT_PATH];
    pid_t pid; /* 0: it is no number */
    bool by_name;
};

static pid_t socket_pid(const char *path) {
    int fd = mgmt_socket_connect(path);
    pid_t pid = fd >= 0 ? peer(fd) : 0;
    if (fd >= 0) close(fd);
    return pid;
}

/* A name goes before a number. */
static void compare(void *opaque, const char *path, const char *name) {
    struct search *s = opaque;
    bool by_name = !strcmp(name, s->plain);
    if (by_name || (!s->by_name && s->pid && socket_pid(path) == s->pid)) snprintf(s->path, sizeof s->path, "%s", path);
    s->by_name |= by_name;
}

static bool find(struct search *s, const char *which) {
    char *end;
    long n = strtol(which, &end, 10);
    *s = (struct search){.which = which, .pid = n > 0 && !*end ? (pid_t)n : 0};
    mgmt_socket_plain(which, s->plain, sizeof s->plain);
    if (strchr(which, '/')) return (size_t)snprintf(s->path, sizeof s->path, "%s", which) < sizeof s->path;
    return vm_each(compare, s) && s->path[0];
}

bool vm_open(struct vm *v, const char *which) {
    struct search s;
    *v = (struct vm){.fd = -1};
    if (!find(&s, which))
        fprintf(stderr, "novt: there is no machine '%s' (novt list shows those that run)\n", which);
    else if (!vm_open_path(v, s.path))
        fprintf(stderr, "novt: cannot ask the machine '%s': %s\n", which,
                errno == EPROTO ? "it does not answer" : strerror(errno));
    else
        return true;
    return false;
}
