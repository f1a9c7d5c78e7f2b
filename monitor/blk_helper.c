/*
 * blk_helper.c: see its header.
 *
 * The socket that listens is made here and handed over as systemd does it (LISTEN_PID, LISTEN_FDS, descriptor 3):
 * there is nothing to wait for before we connect, and its file can be removed at once.
 */
#include "monitor/blk_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD = 3, PATIENCE_MS = 30000, TERM_MS = 5000, RELAYED_LINES = 8, SAID_MAX = 2048, PID_DIGITS = 11 };

static int fail(const char *path, const char *what, char *errbuf, size_t errlen) {
    snprintf(errbuf, errlen, "disk image %s: cannot start qemu-nbd: %s: %s", path, what, strerror(errno));
    return -1;
}

/* ---- The program ---- */

static bool find_program(char out[], size_t size) {
    const char *dirs = getenv("PATH");
    if (!dirs) dirs = "/usr/local/bin:/usr/bin:/bin";
    for (const char *end; *dirs; dirs = *end ? end + 1 : end) {
        end = strchrnul(dirs, ':');
        int n = snprintf(out, size, "%.*s/qemu-nbd", (int)(end - dirs), dirs);
        if (n > 0 && (size_t)n < size && end > dirs && !access(out, X_OK)) return true;
    }
    return false;
}

/* ---- The socket ---- */

static bool make_address(struct sockaddr_un *a, char *dir, size_t size) {
    const char *places[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    errno = ENOENT;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int n = places[i] ? snprintf(dir, size, "%s/novt-nbd-XXXXXX", places[i]) : -1;
        if (n < 0 || (size_t)n >= size || !mkdtemp(dir)) continue; /* mkdtemp: mode 0700 */
        n = snprintf(a->sun_path, sizeof a->sun_path, "%s/socket", dir);
        if ((size_t)n < sizeof a->sun_path) return true;
        rmdir(dir);
    }
    return false;
}

static int stream_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

/* A listening socket without a name, and a connection to it. */
static bool make_sockets(int *listener, int *client) {
    struct sockaddr_un a;
    char dir[96];
    *listener = stream_socket();
    *client = stream_socket();
    if (*listener < 0 || *client < 0 || !make_address(&a, dir, sizeof dir)) return false;
    const struct sockaddr *sa = (const struct sockaddr *)&a;
    bool ok = !bind(*listener, sa, sizeof a) && !listen(*listener, 1) && !connect(*client, sa, sizeof a);
    int saved = errno;
    unlink(a.sun_path);
    rmdir(dir);
    errno = saved;
    return ok;
}

/* ---- The process ---- */

struct launch {
    const char *program;
    char *argv[10], **envp;
    char pid_text[PID_DIGITS + sizeof "LISTEN_PID="];
    pid_t parent;
    int listener, error_fd, null_fd;
};

/* In the child of vfork: shares our memory until it executes; system calls only. */
static void write_own_pid(struct launch *l) {
    unsigned pid = (unsigned)getpid();
    for (int i = PID_DIGITS; i-- > 0; pid /= 10) l->pid_text[sizeof "LISTEN_PID=" - 1 + i] = (char)('0' + pid % 10);
}

static void reset_signals(void) {
    sigset_t none;
    struct sigaction def = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &def, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors above the standard ones move out of the way of LISTEN_FD first. */
static bool place_descriptors(const struct launch *l) {
    int listener = fcntl(l->listener, F_DUPFD, LISTEN_FD + 1), error_fd = fcntl(l->error_fd, F_DUPFD, LISTEN_FD + 1);
    if (listener < 0 || error_fd < 0 || dup2(l->null_fd, 0) < 0 || dup2(l->null_fd, 1) < 0 || dup2(error_fd, 2) < 0 ||
        dup2(listener, LISTEN_FD) < 0)
        return false;
    syscall(SYS_close_range, LISTEN_FD + 1, ~0u, 0);
    return true;
}

/* A session of its own: what is typed at our terminal is not for it. */
__attribute__((noreturn)) static void become_helper(struct launch *l) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    write_own_pid(l);
    if (getppid() == l->parent && place_descriptors(l)) {
        reset_signals();
        execve(l->program, l->argv, l->envp);
    }
    _exit(127);
}

static bool make_environment(struct launch *l) {
    static char fds[] = "LISTEN_FDS=1", names[] = "LISTEN_FDNAMES=socket", locale[] = "LC_ALL=C";
    size_t n = 0, k = 0;
    while (environ[n]) n++;
    l->envp = calloc(n + 5, sizeof *l->envp);
    if (!l->envp) return false;
    snprintf(l->pid_text, sizeof l->pid_text, "LISTEN_PID=%0*d", PID_DIGITS, 0);
    char *const own[] = {l->pid_text, fds, names, locale};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) l->envp[k++] = own[i];
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LISTEN_", 7) && strncmp(environ[i], "LC_ALL=", 7)) l->envp[k++] = environ[i];
    return true;
}

static pid_t launch(struct launch *l) {
    sigset_t all, old;
    l->parent = getpid();
    if (!make_environment(l)) return -1;
    sigfillset(&all); /* no handler of ours runs in the child, on our memory */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = vfork();            /* NOLINT: on purpose; the child is made for it */
    if (pid == 0) become_helper(l); /* NOLINT */
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    free(l->envp);
    errno = saved;
    return pid;
}

/* Its stderr never blocks it: what we do not read in time is lost. */
static bool open_pipes(struct launch *l, int *reader) {
    int ends[2];
    l->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (l->null_fd < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return false;
    *reader = ends[0];
    l->error_fd = ends[1];
    return true;
}

static void close_fd(int fd) {
    if (fd >= 0) close(fd);
}

/* A name that QEMU takes for a file's, whatever it looks like: "json:..." and "host:..." are none with a / in front. */
static bool file_name(const char *path, char **out) {
    return asprintf(out, "%s%s", *path == '/' ? "" : "./", path) > 0;
}

static void fill_arguments(struct launch *l, char *file, char *format, bool read_only) {
    static char name[] = "qemu-nbd", cache[] = "--cache=writeback", discard[] = "--discard=unmap", ro[] = "--read-only",
                end[] = "--";
    size_t n = 0;
    l->argv[n++] = name;
    l->argv[n++] = format;
    l->argv[n++] = cache;
    l->argv[n++] = discard;
    if (read_only) l->argv[n++] = ro;
    l->argv[n++] = end;
    l->argv[n] = file;
}

int blk_helper_start(struct blk_helper *h, const char *path, enum mon_image_format format, bool read_only, char *errbuf,
                     size_t errlen) {
    struct launch l = {.listener = -1, .error_fd = -1, .null_fd = -1};
    char program[4096], format_option[32], *file = NULL;
    int client = -1;
    *h = (struct blk_helper){.error_fd = -1};
    if (!find_program(program, sizeof program)) {
        snprintf(errbuf, errlen,
                 "disk image %s: its format (%s) needs qemu-nbd, which is not there: install the package qemu-utils",
                 path, mon_format_name(format));
        return -1;
    }
    snprintf(format_option, sizeof format_option, "--format=%s", mon_format_name(format));
    l.program = program;
    if (!file_name(path, &file) || !open_pipes(&l, &h->error_fd) || !make_sockets(&l.listener, &client)) {
        fail(path, "no socket", errbuf, errlen);
    } else {
        fill_arguments(&l, file, format_option, read_only);
        h->pid = launch(&l);
        if (h->pid < 0) fail(path, program, errbuf, errlen);
    }
    free(file);
    close_fd(l.listener);
    close_fd(l.error_fd);
    close_fd(l.null_fd);
    if (h->pid > 0) return client;
    h->pid = 0;
    close_fd(client);
    close_fd(h->error_fd);
    h->error_fd = -1;
    return -1;
}

/* ---- What it says ---- */

/* Its stderr closes when it ends. False: not within that time. */
static bool wait_for_end(struct blk_helper *h, int ms, char *said, size_t size) {
    size_t len = strnlen(said, size);
    for (;;) {
        char rest[256];
        struct pollfd p = {.fd = h->error_fd, .events = POLLIN};
        int ready = poll(&p, 1, ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        bool room = len + 1 < size;
        ssize_t n = read(h->error_fd, room ? said + len : rest, room ? size - 1 - len : sizeof rest);
        if (n == 0) return true;
        if (n < 0 && errno != EINTR && errno != EAGAIN) return true;
        if (n > 0 && room) said[len += (size_t)n] = 0;
    }
}

static void reap(struct blk_helper *h) {
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {}
    h->pid = 0;
    close(h->error_fd);
    h->error_fd = -1;
}

/* "qemu-nbd: Failed to blk_new_open './x': REASON": the file is named already. */
static char *essence(char *line) {
    char *name_end = strstr(line, "': ");
    if (name_end && !strncmp(line, "qemu-nbd: Failed to", 19)) return name_end + 3;
    return strncmp(line, "qemu-nbd: ", 10) ? line : line + 10;
}

static void make_printable(char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7F) *s = '?';
}

void blk_helper_reason(struct blk_helper *h, const char *path, char *errbuf, size_t errlen) {
    char said[SAID_MAX] = "";
    if (!wait_for_end(h, TERM_MS, said, sizeof said)) kill(h->pid, SIGKILL);
    char *line = said + strspn(said, "\n");
    line[strcspn(line, "\n")] = 0;
    make_printable(line);
    snprintf(errbuf, errlen, "disk image %s: %s", path, *line ? essence(line) : "qemu-nbd does not serve it");
    reap(h);
}

static void relay(struct blk_helper *h, const char *path, char *said) {
    for (char *line, *rest = said; (line = strsep(&rest, "\n"));) {
        if (!*line || h->said_lines == RELAYED_LINES) continue;
        make_printable(line);
        fprintf(stderr, "novt: disk image %s: qemu-nbd: %s\n", path, essence(line));
        h->said_lines++;
    }
}

void blk_helper_relay(struct blk_helper *h, const char *path) {
    char said[SAID_MAX];
    ssize_t n = h->pid ? read(h->error_fd, said, sizeof said - 1) : 0;
    if (n <= 0) return;
    said[n] = 0;
    relay(h, path, said);
}

/* ---- Its end ---- */

void blk_helper_stop(struct blk_helper *h, const char *path, bool now) {
    char said[SAID_MAX] = "";
    if (!h->pid) return;
    if (now) kill(h->pid, SIGKILL);
    bool ended = wait_for_end(h, PATIENCE_MS, said, sizeof said);
    if (!ended) kill(h->pid, SIGTERM);
    if (!ended && !wait_for_end(h, TERM_MS, said, sizeof said)) kill(h->pid, SIGKILL);
    relay(h, path, said);
    reap(h);
}
