/*
 * monitor_nbd_test.c: images behind qemu-nbd: what is written is in the image, what is broken gives one line, and a
 * helper that dies, or stops answering, gives errors. Skips what it tests without qemu-utils.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "monitor_blk_fixture.h"

static bool have_tools(void) { return !system("command -v qemu-img qemu-nbd >/dev/null"); }

static int open_all(void **state) {
    (void)state;
    strcpy(dir, "/tmp/novt-nbd-test-XXXXXX");
    signal(SIGUSR1, ignore);
    snprintf(path, sizeof path, "%s/odd:name", mkdtemp(dir)); /* no protocol called "odd" */
    setenv("TMPDIR", dir, 1);
    unsetenv("XDG_RUNTIME_DIR");
    return events_init(&events, SIGUSR1, NULL, NULL) ? 0 : -1;
}
static int close_all(void **state) {
    (void)state;
    events_fini(&events);
    unlink(path);
    return rmdir(dir); /* fails if anything is left */
}

static void make_image(const char *format, const char *size) {
    char command[400];
    snprintf(command, sizeof command, "qemu-img create -q -f %s '%s' %s >/dev/null", format, path, size);
    assert_int_equal(system(command), 0);
}
static struct mon_blk *open_image(enum mon_image_format format, bool read_only, bool snapshot) {
    struct blk_config c = {
        .path = path, .format = format, .read_only = read_only, .snapshot = snapshot, .unit = BLK_SECTOR};
    error[0] = 0;
    return blk_open(&c, &events, error, sizeof error);
}
/* The children of this process that are called qemu-nbd; the last one. */
static int helpers(pid_t *last) {
    int n = 0;
    struct dirent *e;
    DIR *d = opendir("/proc");
    while ((e = readdir(d))) {
        char name[64], comm[64];
        int parent = 0;
        snprintf(name, sizeof name, "/proc/%.20s/stat", e->d_name);
        FILE *f = fopen(name, "r");
        if (!f) continue;
        if (fscanf(f, "%*d (%63[^)]) %*c %d", comm, &parent) == 2 && parent == getpid() && !strcmp(comm, "qemu-nbd")) {
            n++;
            if (last) *last = atoi(e->d_name);
        }
        fclose(f);
    }
    closedir(d);
    return n;
}

static void every_format(void **state) {
    static const char *const formats[] = {"qcow2", "vmdk", "vdi", "vpc", "vhdx"};
    (void)state;
    if (!have_tools()) skip();
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        make_image(formats[i], "64M");
        struct mon_blk *m = open_image(MON_FORMAT_AUTO, false, false);
        if (!m) print_error("%s\n", error);
        assert_non_null(m);
        struct blk *b = blk_dev(m);
        assert_true(b->size >= 64 << 20); /* VHD rounds up to a whole cylinder */
        assert_int_equal(helpers(NULL), 1);
        assert_int_equal(run(b, BLK_READ, 4096, buf, 512), BLK_OK);
        assert_int_equal(buf[511], 0);
        memset(buf, 0x22, sizeof buf);
        assert_int_equal(run(b, BLK_WRITE, 5 << 20, buf, sizeof buf), BLK_OK);
        assert_int_equal(run(b, BLK_FLUSH, 0, NULL, 0), BLK_OK);
        assert_int_equal(run(b, BLK_READ, b->size, buf, 512), BLK_OUT_OF_RANGE);
        blk_close(m);
        assert_int_equal(helpers(NULL), 0);
        m = open_image(mon_format_parse(formats[i], strlen(formats[i])), true, false);
        assert_non_null(m);
        memset(buf, 0, sizeof buf);
        assert_int_equal(run(blk_dev(m), BLK_READ, 5 << 20, buf, sizeof buf), BLK_OK);
        assert_int_equal(buf[0], 0x22);
        assert_int_equal(buf[sizeof buf - 1], 0x22);
        assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_READ_ONLY);
        blk_close(m);
        unlink(path);
    }
}

static void snapshots(void **state) {
    (void)state;
    if (!have_tools()) skip();
    make_image("qcow2", "8M");
    for (int round = 0; round < 2; round++) {
        struct mon_blk *m = open_image(MON_FORMAT_AUTO, false, true), *second;
        assert_non_null(m);
        second = open_image(MON_FORMAT_QCOW2, true, false); /* readers do not exclude each other */
        assert_non_null(second);
        assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 512), BLK_OK);
        assert_int_equal(buf[0], 0);
        memset(buf, 0x33, 512);
        assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_OK);
        assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 1024), BLK_OK);
        assert_int_equal(buf[511], 0x33);
        blk_close(second);
        blk_close(m);
    }
    struct mon_blk *writer = open_image(MON_FORMAT_AUTO, false, false);
    assert_non_null(writer);
    assert_null(open_image(MON_FORMAT_AUTO, false, false));
    assert_non_null(strstr(error, "lock"));
    blk_close(writer);
    assert_int_equal(helpers(NULL), 0);
}

static void one_line(const char *part) {
    assert_null(open_image(MON_FORMAT_AUTO, false, false));
    if (!strstr(error, part) || strchr(error, '\n')) print_error("%s\n", error);
    assert_non_null(strstr(error, part));
    assert_null(strchr(error, '\n'));
    assert_non_null(strstr(error, "odd:name"));
    assert_int_equal(helpers(NULL), 0);
}

static void broken_images(void **state) {
    (void)state;
    if (!have_tools()) skip();
    make_image("qcow2", "8M");
    assert_int_equal(truncate(path, 60), 0);
    one_line("header too short");
    int fd = open(path, O_RDWR | O_TRUNC);
    assert_int_equal(write(fd, "QFI\xfb\xff\xff\xff\xff", 8), 8);
    ftruncate(fd, 4096);
    one_line("version");
    ftruncate(fd, 0);
    assert_int_equal(pwrite(fd, "KDMV\xff\xff\xff\xff", 8, 0), 8);
    ftruncate(fd, 4096);
    one_line("disk image");
    close(fd);
    assert_null(open_image(MON_FORMAT_QCOW2, false, false)); /* another format than it has */
    assert_non_null(strstr(error, "qcow2"));
    char *old = strdup(getenv("PATH"));
    setenv("PATH", "/nonexistent:", 1);
    one_line("qemu-utils");
    setenv("PATH", old, 1);
    free(old);
}

static void helper_dies(void **state) {
    pid_t pid = 0;
    (void)state;
    if (!have_tools()) skip();
    make_image("qcow2", "8M");
    struct mon_blk *m = open_image(MON_FORMAT_AUTO, false, false);
    assert_non_null(m);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_OK);
    assert_int_equal(helpers(&pid), 1);
    kill(pid, SIGKILL);
    assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 512), BLK_IO_ERROR);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_IO_ERROR);
    assert_int_equal(run(blk_dev(m), BLK_FLUSH, 0, NULL, 0), BLK_IO_ERROR);
    assert_int_equal(helpers(NULL), 0);
    blk_close(m);
}

/* A stopped helper is as one that waits for a dead disk: what waits for it waits no longer than its patience. */
static struct blk_store *open_for_queue(void *opaque, char *errbuf, size_t errlen) {
    (void)opaque;
    return blk_nbd_open(path, MON_FORMAT_QCOW2, false, BLK_SECTOR, errbuf, errlen);
}
static void helper_hangs(void **state) {
    pid_t pid = 0;
    struct blk_request r = {.done = count_done};
    (void)state;
    if (!have_tools()) skip();
    make_image("qcow2", "8M");
    struct blk_opener opener = {.open = open_for_queue};
    struct blk_queue *q = blk_queue_create(&opener, path, &events);
    assert_true(blk_queue_is_open(q, true, error, sizeof error));
    blk_queue_set_patience(q, 50);
    assert_int_equal(helpers(&pid), 1);
    kill(pid, SIGSTOP);
    blk_read(blk_queue_dev(q), &r, 0, buf, 512);
    poll(NULL, 0, 20);
    blk_cancel(blk_queue_dev(q), &r);
    assert_false(r.busy);
    assert_int_equal(run(blk_queue_dev(q), BLK_READ, 0, buf, 512), BLK_IO_ERROR);
    blk_queue_destroy(q);
    assert_int_equal(helpers(NULL), 0);
}

/* ---- Opening without waiting ---- */

static struct mon_blk *opening;
static int opened_count;
static void opened(void *opaque) {
    opened_count++;
    if (!blk_is_open(opening, error, sizeof error)) assert_ptr_equal(opaque, error);
}
static void start_opening(const char *what) {
    struct blk_config c = {.path = what, .unit = BLK_SECTOR};
    opened_count = 0;
    opening = blk_open_start(&c, &events, opened, error);
    assert_non_null(opening);
    assert_int_equal(opened_count, 0);
    for (int i = 0; i < 20000 && !opened_count; i++) {
        events_dispatch(&events);
        poll(NULL, 0, 1);
    }
    assert_int_equal(opened_count, 1);
}
static void opens_in_background(void **state) {
    (void)state;
    if (!have_tools()) skip();
    make_image("vdi", "8M");
    start_opening(path);
    assert_true(blk_is_open(opening, error, sizeof error));
    assert_int_equal(run(blk_dev(opening), BLK_READ, 0, buf, 512), BLK_OK);
    blk_close(opening);
    start_opening("/nonexistent");
    assert_false(blk_is_open(opening, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    blk_close(opening);
    struct blk_config c = {.path = path, .unit = BLK_SECTOR}; /* closed before it is open */
    blk_close(blk_open_start(&c, &events, opened, error));
    assert_int_equal(helpers(NULL), 0);
}

/* ---- A raw image stays one ---- */

static void raw_stays_raw(void **state) {
    (void)state;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ftruncate(fd, 1 << 20);
    close(fd);
    struct mon_blk *m = open_image(MON_FORMAT_AUTO, false, false);
    assert_non_null(m);
    memset(buf, 0, 1024);
    memcpy(buf, "QFI\xfb\0\0\0\3", 8);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 1024), BLK_IO_ERROR);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 512, buf, 1024), BLK_OK); /* anywhere else it is data */
    memcpy(buf, "conectix", 8);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, (1 << 20) - 512, buf, 512), BLK_OK); /* no whole footer */
    assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 512), BLK_OK);
    assert_int_equal(buf[0], 0);
    blk_close(m);
    m = open_image(MON_FORMAT_RAW, false, false);
    memcpy(buf, "QFI\xfb\0\0\0\3", 8);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_OK); /* the user said so */
    blk_close(m);
    m = open_image(MON_FORMAT_RAW, false, false);
    assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 512), BLK_OK);
    assert_memory_equal(buf, "QFI\xfb", 4);
    blk_close(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format),  cmocka_unit_test(snapshots),    cmocka_unit_test(broken_images),
        cmocka_unit_test(helper_dies),   cmocka_unit_test(helper_hangs), cmocka_unit_test(opens_in_background),
        cmocka_unit_test(raw_stays_raw),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
