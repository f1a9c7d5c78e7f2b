/*
 * monitor_chr_test.c: character backends: stdio over pipes, files, a full disk, the unix socket, back-pressure, the
 * escape key of the terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "monitor/chr.h"
#include "monitor/clock.h"
#include "monitor/ring.h"
#include "monitor/terminal.h"

/* A machine's worth of surroundings, and a device that takes `room` bytes. */
struct fixture {
    struct mon_events events;
    struct mon_clock clock;
    struct chr_host host;
    bool stopping;
    size_t room;
    char got[1 << 20];
    size_t got_len;
    char dir[64];
};

static struct fixture f;

static bool is_stopping(void *opaque) { return ((struct fixture *)opaque)->stopping; }

static size_t device_room(void *opaque) {
    (void)opaque;
    return f.room;
}

static void device_receive(void *opaque, const uint8_t *buf, size_t len) {
    (void)opaque;
    assert_true(len <= f.room);
    memcpy(f.got + f.got_len, buf, len);
    f.got_len += len;
    f.room -= len;
}

static void on_kick(int signo) {
    (void)signo;
    events_note(&f.events);
}

static int setup(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    struct sigaction sa = {.sa_handler = on_kick, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    strcpy(f.dir, "/tmp/novt-chr-XXXXXX");
    f.room = sizeof f.got;
    f.host = (struct chr_host){.events = &f.events, .clock = &f.clock, .opaque = &f, .stopping = is_stopping};
    return !mkdtemp(f.dir) || !clock_init(&f.clock, 0, 0) || !events_init(&f.events, SIGUSR1, NULL, NULL);
}

static int teardown(void **state) {
    (void)state;
    events_fini(&f.events);
    clock_fini(&f.clock);
    return rmdir(f.dir);
}

static const char *in_dir(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", f.dir, name);
    return path;
}

/* What the run loop does at a boundary, for some milliseconds or until enough input came. */
static void run_loop(int ms, size_t enough) {
    struct timespec tick = {.tv_nsec = 1000000};
    for (int i = 0; i < ms && f.got_len < enough; i++) {
        nanosleep(&tick, NULL);
        events_dispatch(&f.events);
        clock_run_due(&f.clock);
    }
}

static struct mon_chr *open_chr(enum mon_chr_kind kind, const char *path) {
    char error[256] = "";
    struct mon_chr_config cfg = {.kind = kind, .path = path};
    struct mon_chr *c = chr_open("serial", &cfg, &f.host, error, sizeof error);
    if (!c) fail_msg("%s", error);
    struct dev_chr *d = chr_dev(c);
    if (!d) return c;
    d->room = device_room;
    d->receive = device_receive;
    return c;
}

static void say(struct mon_chr *c, const char *text) {
    struct dev_chr *d = chr_dev(c);
    d->write(d->opaque, (const uint8_t *)text, strlen(text));
}

static size_t read_file(const char *path, char *buf, size_t cap) {
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, buf, cap);
    close(fd);
    return n < 0 ? 0 : (size_t)n;
}

/* fd 0 or 1 replaced for a while. */
static int swap_fd(int target, int with) {
    int saved = dup(target);
    dup2(with, target);
    return saved;
}
static void swap_back(int target, int saved) {
    dup2(saved, target);
    close(saved);
}

static void none_gives_the_device_nothing(void **state) {
    (void)state;
    struct mon_chr *c = open_chr(MON_CHR_NONE, NULL);
    assert_null(chr_dev(c));
    chr_close(c);
}

static void a_file_gets_everything(void **state) {
    (void)state;
    char path[128], buf[64];
    strcpy(path, in_dir("out"));
    struct mon_chr *c = open_chr(MON_CHR_FILE, path);
    say(c, "hello ");
    run_loop(10, SIZE_MAX);
    assert_int_equal(read_file(path, buf, sizeof buf), 6); /* not only at the end */
    say(c, "world");
    chr_close(c);
    assert_int_equal(read_file(path, buf, sizeof buf), 11);
    assert_memory_equal(buf, "hello world", 11);
    unlink(path);
}

static void a_bad_file_is_one_line(void **state) {
    (void)state;
    char error[256] = "";
    struct mon_chr_config cfg = {.kind = MON_CHR_FILE, .path = f.dir};
    assert_null(chr_open("serial", &cfg, &f.host, error, sizeof error));
    assert_non_null(strstr(error, f.dir));
    assert_null(strchr(error, '\n'));
}

static void a_full_disk_warns_once(void **state) {
    (void)state;
    char path[128], buf[4096];
    strcpy(path, in_dir("stderr"));
    int log = open(path, O_RDWR | O_CREAT, 0600), saved = swap_fd(2, log);
    struct mon_chr *c = open_chr(MON_CHR_FILE, "/dev/full");
    for (int i = 0; i < 100000; i++) say(c, "x");
    chr_close(c);
    swap_back(2, saved);
    size_t n = read_file(path, buf, sizeof buf - 1);
    buf[n] = 0;
    assert_non_null(strstr(buf, "serial output is lost"));
    assert_ptr_equal(strchr(buf, '\n'), buf + n - 1);
    close(log);
    unlink(path);
}

static void stdin_reaches_the_device_and_eof_is_harmless(void **state) {
    (void)state;
    int p[2], null = open("/dev/null", O_WRONLY);
    assert_int_equal(pipe(p), 0);
    int in = swap_fd(0, p[0]), out = swap_fd(1, null);
    struct mon_chr *c = open_chr(MON_CHR_STDIO, NULL);
    assert_int_equal(write(p[1], "ab\001x", 4), 4); /* not a terminal: Ctrl-A is a byte */
    close(p[1]);
    run_loop(500, 4);
    run_loop(10, SIZE_MAX);
    uint64_t before = f.events.sleeps;
    say(c, "still there");
    chr_close(c);
    swap_back(0, in);
    swap_back(1, out);
    close(p[0]);
    close(null);
    assert_int_equal(f.got_len, 4);
    assert_memory_equal(f.got, "ab\001x", 4);
    assert_int_equal(f.events.sleeps, before);
}

static void a_regular_file_is_input_too(void **state) {
    (void)state;
    char path[128];
    strcpy(path, in_dir("in"));
    int fd = open(path, O_RDWR | O_CREAT, 0600), null = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 1000; i++) assert_int_equal(write(fd, "0123456789", 10), 10);
    lseek(fd, 0, SEEK_SET);
    int in = swap_fd(0, fd), out = swap_fd(1, null);
    f.room = 0;
    struct mon_chr *c = open_chr(MON_CHR_STDIO, NULL);
    struct dev_chr *d = chr_dev(c);
    while (f.got_len < 10000) { /* the device takes 16 at a time */
        size_t before = f.got_len;
        f.room = 16;
        d->room_grew(d->opaque);
        assert_true(f.got_len > before);
    }
    chr_close(c);
    swap_back(0, in);
    swap_back(1, out);
    close(fd);
    close(null);
    unlink(path);
    assert_memory_equal(f.got + 9990, "0123456789", 10);
}

static void input_waits_while_the_device_has_no_room(void **state) {
    (void)state;
    int p[2], null = open("/dev/null", O_WRONLY);
    static char block[3 * RING_SIZE];
    assert_int_equal(pipe(p), 0);
    fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
    memset(block, 'z', sizeof block);
    int in = swap_fd(0, p[0]), out = swap_fd(1, null);
    f.room = 0;
    struct mon_chr *c = open_chr(MON_CHR_STDIO, NULL);
    assert_int_equal(write(p[1], block, sizeof block), sizeof block);
    run_loop(300, 1);
    assert_int_equal(f.got_len, 0);
    f.room = sizeof f.got;
    chr_dev(c)->room_grew(chr_dev(c)->opaque);
    run_loop(2000, sizeof block);
    chr_close(c);
    swap_back(0, in);
    swap_back(1, out);
    close(p[0]), close(p[1]);
    close(null);
    assert_int_equal(f.got_len, sizeof block);
}

/* The reader of stdout is slow: nothing may be lost. */
static void a_slow_reader_of_stdout_gets_everything(void **state) {
    (void)state;
    int p[2];
    enum { TOTAL = 4 * RING_SIZE };
    assert_int_equal(pipe(p), 0);
    pid_t child = fork();
    if (!child) {
        size_t n = 0;
        char buf[1000];
        close(p[1]);
        for (ssize_t r; (r = read(p[0], buf, sizeof buf)) > 0; n += (size_t)r) usleep(100);
        _exit(n == TOTAL ? 0 : 1);
    }
    close(p[0]);
    int null = open("/dev/null", O_RDONLY), in = swap_fd(0, null), out = swap_fd(1, p[1]);
    struct mon_chr *c = open_chr(MON_CHR_STDIO, NULL);
    for (int i = 0; i < TOTAL / 8; i++) say(c, "12345678");
    chr_close(c);
    swap_back(0, in);
    swap_back(1, out);
    close(p[1]);
    close(null);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int connect_to(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void socket_clients_come_and_go(void **state) {
    (void)state;
    char path[128], buf[64];
    strcpy(path, in_dir("sock"));
    struct mon_chr *c = open_chr(MON_CHR_UNIX, path);
    say(c, "early");
    for (int round = 0; round < 3; round++) {
        int fd = connect_to(path);
        run_loop(20, SIZE_MAX);
        if (round) say(c, "again");
        run_loop(20, SIZE_MAX);
        assert_int_equal(read(fd, buf, sizeof buf), 5);
        assert_memory_equal(buf, round ? "again" : "early", 5);
        f.got_len = 0;
        assert_int_equal(write(fd, "in", 2), 2);
        run_loop(500, 2);
        assert_memory_equal(f.got, "in", 2);
        close(fd);
        run_loop(20, SIZE_MAX);
    }
    chr_close(c);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_socket_client_that_does_not_read_cannot_stop_the_guest(void **state) {
    (void)state;
    char path[128];
    strcpy(path, in_dir("sock"));
    struct mon_chr *c = open_chr(MON_CHR_UNIX, path);
    int fd = connect_to(path);
    run_loop(20, SIZE_MAX);
    for (int i = 0; i < 1000000; i++) say(c, "12345678");
    chr_close(c);
    close(fd);
}

static void a_socket_in_use_is_refused_and_a_dead_one_replaced(void **state) {
    (void)state;
    char path[128], error[256] = "";
    strcpy(path, in_dir("sock"));
    struct mon_chr *c = open_chr(MON_CHR_UNIX, path);
    struct mon_chr_config cfg = {.kind = MON_CHR_UNIX, .path = path};
    assert_null(chr_open("serial", &cfg, &f.host, error, sizeof error));
    assert_non_null(strstr(error, path));
    chr_close(c);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&a, sizeof a), 0);
    close(dead);
    chr_close(open_chr(MON_CHR_UNIX, path));
}

/* What the backend prints about itself. */
static struct mon_chr *open_pty(char *name, size_t cap) {
    char said[256];
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    int saved = swap_fd(STDERR_FILENO, pipe_fd[1]);
    struct mon_chr *c = open_chr(MON_CHR_PTY, NULL);
    fflush(stderr);
    swap_back(STDERR_FILENO, saved);
    ssize_t n = read(pipe_fd[0], said, sizeof said - 1);
    assert_true(n > 0);
    said[n] = 0;
    close(pipe_fd[0]), close(pipe_fd[1]);
    const char *slash = strchr(said, '/');
    assert_non_null(slash);
    snprintf(name, cap, "%.*s", (int)strcspn(slash, "\n"), slash);
    return c;
}

static void a_pseudo_terminal_outlives_its_visitors(void **state) {
    (void)state;
    char name[64], buf[16];
    struct mon_chr *c = open_pty(name, sizeof name);
    say(c, "early\n");
    run_loop(20, SIZE_MAX);
    for (int round = 0; round < 3; round++) {
        int fd = open(name, O_RDWR | O_NOCTTY);
        assert_true(fd >= 0);
        if (round) say(c, "again\n");
        run_loop(20, SIZE_MAX);
        assert_int_equal(read(fd, buf, sizeof buf), 6);
        assert_memory_equal(buf, round ? "again\n" : "early\n", 6); /* no CR: it is raw */
        f.got_len = 0;
        assert_int_equal(write(fd, "i\003", 2), 2);
        run_loop(500, 2);
        assert_memory_equal(f.got, "i\003", 2);
        close(fd);
        run_loop(20, SIZE_MAX);
    }
    for (int i = 0; i < 1000000; i++) say(c, "12345678"); /* nobody reads: nobody waits */
    chr_close(c);
}

static void null_swallows(void **state) {
    (void)state;
    struct mon_chr *c = open_chr(MON_CHR_NULL, NULL);
    assert_non_null(chr_dev(c));
    for (int i = 0; i < 100000; i++) say(c, "12345678");
    chr_close(c);
}

static void the_escape_key(void **state) {
    (void)state;
    struct terminal_escape e = {false};
    assert_int_equal(terminal_key(&e, 'a'), TERMINAL_PASS);
    assert_int_equal(terminal_key(&e, 1), TERMINAL_SWALLOWED);
    assert_int_equal(terminal_key(&e, 'x'), TERMINAL_QUIT);
    assert_int_equal(terminal_key(&e, 'x'), TERMINAL_PASS);
    assert_int_equal(terminal_key(&e, 1), TERMINAL_SWALLOWED);
    assert_int_equal(terminal_key(&e, 1), TERMINAL_PASS);
    assert_int_equal(terminal_key(&e, 1), TERMINAL_SWALLOWED);
    assert_int_equal(terminal_key(&e, 'h'), TERMINAL_HELP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none_gives_the_device_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_gets_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pseudo_terminal_outlives_its_visitors, setup, teardown),
        cmocka_unit_test_setup_teardown(null_swallows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_file_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_warns_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stdin_reaches_the_device_and_eof_is_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(a_regular_file_is_input_too, setup, teardown),
        cmocka_unit_test_setup_teardown(input_waits_while_the_device_has_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_reader_of_stdout_gets_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(socket_clients_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_client_that_does_not_read_cannot_stop_the_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_in_use_is_refused_and_a_dead_one_replaced, setup, teardown),
        cmocka_unit_test(the_escape_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
