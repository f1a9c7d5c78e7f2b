/* devemu_block_test.c: disk images on the host: raw files, snapshots, locks, errors, and their worker thread. */
#include "monitor_blk_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_all(void **state) {
    (void)state;
    strcpy(dir, "/tmp/novt-block-XXXXXX");
    signal(SIGUSR1, ignore);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/image", mkdtemp(dir));
    return events_init(&events, SIGUSR1, NULL, NULL) ? 0 : -1;
}
static int close_all(void **state) {
    (void)state;
    events_fini(&events);
    unlink(path);
    rmdir(dir);
    return 0;
}

static void make_file(size_t bytes) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    memset(buf, 0x11, sizeof buf);
    for (size_t at = 0; at < bytes; at += sizeof buf)
        assert_true(write(fd, buf, bytes - at < sizeof buf ? bytes - at : sizeof buf) > 0);
    close(fd);
}
static uint8_t file_byte(off_t at) {
    uint8_t b = 0;
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    close(fd);
    return b;
}
static struct mon_blk *open_image(bool read_only, bool snapshot, unsigned unit) {
    struct blk_config c = {.path = path, .read_only = read_only, .snapshot = snapshot, .unit = unit};
    error[0] = 0;
    return blk_open(&c, &events, error, sizeof error);
}
static void raw_image_reads_and_writes(void **state) {
    (void)state;
    make_file(1 << 20);
    struct mon_blk *m = open_image(false, false, 512);
    assert_non_null(m);
    struct blk *b = blk_dev(m);
    assert_int_equal(b->size, 1 << 20);
    assert_int_equal(run(b, BLK_READ, 4096, buf, 512), BLK_OK);
    assert_int_equal(buf[511], 0x11);
    memset(buf, 0x22, 1024);
    assert_int_equal(run(b, BLK_WRITE, (1 << 20) - 1024, buf, 1024), BLK_OK);
    assert_int_equal(file_byte((1 << 20) - 1), 0x22); /* acknowledged is in the file */
    assert_int_equal(run(b, BLK_FLUSH, 0, NULL, 0), BLK_OK);
    assert_int_equal(run(b, BLK_READ, 1 << 20, buf, 512), BLK_OUT_OF_RANGE);
    assert_int_equal(run(b, BLK_READ, UINT64_MAX - 511, buf, 1024), BLK_OUT_OF_RANGE);
    blk_close(m);
}

/* All or nothing: not every file system can. */
static bool reads_now(struct blk *b, uint64_t offset, uint8_t a, uint8_t z) {
    uint8_t s[2][1024];
    struct iovec vec[] = {{s[0], 512}, {s[1], 1024}};
    uint32_t n = blk_read_now(b, offset, vec, 2, 1536);
    if (!n) return false;
    assert_int_equal(n, 1536);
    assert_int_equal(s[0][0], a);
    assert_int_equal(s[1][1023], z);
    return true;
}

static void transfers_in_place(void **state) {
    (void)state;
    make_file(1 << 20);
    struct mon_blk *m = open_image(false, false, 512);
    struct blk *b = blk_dev(m);
    uint8_t s[3][4096];
    struct iovec vec[] = {{s[0], 100}, {s[1], 924}, {s[2], 512}};
    struct blk_request r = {.done = count_done};
    memset(s, 0x44, sizeof s);
    for (int i = 0; i < 2; i++) { /* the first sector has a guard, the others not */
        done_count = 0;
        uint64_t at = i ? 65536 : 0;
        blk_writev(b, &r, at, vec, 3, 1536, false);
        assert_false(reads_now(b, 32768, 0x11, 0x11)); /* not while a request is under way */
        wait_done(1);
        assert_int_equal(r.status, BLK_OK);
        assert_int_equal(r.good, 1536);
        assert_int_equal(file_byte((off_t)at), 0x44);
        assert_int_equal(file_byte((off_t)at + 1535), 0x44);
        assert_int_equal(file_byte((off_t)at + 1536), 0x11);
    }
    if (reads_now(b, 65536, 0x44, 0x44)) assert_true(reads_now(b, 65536 + 1536, 0x11, 0x11));
    assert_false(reads_now(b, (1 << 20) - 512, 0, 0)); /* beyond the end */
    memcpy(s[0], "QFI\xfb\0\0\0\3", 8);                /* the guard sees what comes in pieces */
    done_count = 0;
    blk_writev(b, &r, 0, vec, 3, 1536, false);
    wait_done(1);
    assert_int_equal(r.status, BLK_IO_ERROR);
    assert_int_equal(file_byte(0), 0x44);
    blk_close(m);
}

static void a_snapshot_is_read_in_place(void **state) {
    (void)state;
    make_file(1 << 20);
    struct mon_blk *m = open_image(false, true, 512);
    struct blk *b = blk_dev(m);
    memset(buf, 0x55, 1536);
    assert_int_equal(run(b, BLK_WRITE, 8192, buf, 1536), BLK_OK);
    (void)reads_now(b, 8192, 0x55, 0x55);
    (void)reads_now(b, 4096, 0x11, 0x11);
    assert_false(reads_now(b, 8192 - 512, 0x11, 0x55)); /* in two files */
    blk_close(m);
}

static void snapshot_leaves_the_image_alone(void **state) {
    (void)state;
    make_file(1 << 20);
    struct mon_blk *m = open_image(false, true, 512);
    struct blk *b = blk_dev(m);
    assert_non_null(b);
    assert_false(b->read_only);
    memset(buf, 0x33, sizeof buf);
    assert_int_equal(run(b, BLK_WRITE, 5 * 512, buf, 512), BLK_OK);
    assert_int_equal(run(b, BLK_WRITE, 8 * 512, buf, 3 * 512), BLK_OK);
    memset(buf, 0, sizeof buf);
    assert_int_equal(run(b, BLK_READ, 4 * 512, buf, 8 * 512), BLK_OK);
    static const uint8_t expect[] = {0x11, 0x33, 0x11, 0x11, 0x33, 0x33, 0x33, 0x11};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(buf[i * 512], expect[i]);
        assert_int_equal(buf[i * 512 + 511], expect[i]);
    }
    assert_int_equal(file_byte(5 * 512), 0x11);
    struct mon_blk *second = open_image(true, false, 512); /* readers do not exclude each other */
    assert_non_null(second);
    blk_close(second);
    blk_close(m);
    assert_int_equal(file_byte(5 * 512), 0x11);
}

static void one_writer(void **state) {
    (void)state;
    make_file(4096);
    struct mon_blk *m = open_image(false, false, 512);
    assert_non_null(m);
    assert_null(open_image(false, false, 512));
    assert_non_null(strstr(error, "in use"));
    assert_null(open_image(true, false, 512));
    blk_close(m);
    m = open_image(false, false, 512);
    assert_non_null(m);
    blk_close(m);
}

static void refuses_what_is_no_image(void **state) {
    (void)state;
    struct blk_config c = {.path = dir, .unit = 512};
    assert_null(blk_open(&c, &events, error, sizeof error));
    assert_non_null(strstr(error, "directory"));
    c.read_only = true;
    assert_null(blk_open(&c, &events, error, sizeof error));
    assert_non_null(strstr(error, "directory"));
    c.path = "/dev/null";
    assert_null(blk_open(&c, &events, error, sizeof error));
    c.path = "/nonexistent/image";
    assert_null(blk_open(&c, &events, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    make_file(0);
    assert_null(open_image(false, false, 512));
    assert_non_null(strstr(error, "empty"));
    make_file(511);
    assert_null(open_image(false, false, 512));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(open_image(true, false, 512)); /* and does not wait for a writer */
    unlink(path);
}

static void odd_sizes_are_rounded_down(void **state) {
    (void)state;
    make_file(5000);
    struct mon_blk *m = open_image(true, false, 512);
    assert_int_equal(blk_dev(m)->size, 4608);
    assert_true(blk_dev(m)->read_only);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 512), BLK_READ_ONLY);
    blk_close(m);
    m = open_image(true, false, 2048);
    assert_int_equal(blk_dev(m)->size, 4096);
    blk_close(m);
}

static void shrunk_file_gives_errors(void **state) {
    (void)state;
    make_file(64 << 10);
    struct mon_blk *m = open_image(false, false, 512);
    assert_int_equal(truncate(path, 10 << 10), 0);
    struct blk_request r = {.done = count_done};
    done_count = 0;
    blk_read(blk_dev(m), &r, 8 << 10, buf, 4 << 10);
    wait_done(1);
    assert_int_equal(r.status, BLK_IO_ERROR);
    assert_int_equal(r.good, 2 << 10);
    assert_int_equal(run(blk_dev(m), BLK_READ, 0, buf, 512), BLK_OK);
    blk_close(m);
}

static void full_disk_is_an_error_and_not_the_end(void **state) {
    (void)state;
    struct rlimit old, small = {.rlim_cur = 32 << 10};
    make_file(16 << 10);
    truncate(path, 1 << 20); /* sparse: the rest has no blocks yet */
    struct mon_blk *m = open_image(false, false, 512);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    memset(buf, 0x44, sizeof buf);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 0, buf, 4096), BLK_OK);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 512 << 10, buf, 4096), BLK_NO_SPACE);
    assert_int_equal(run(blk_dev(m), BLK_FLUSH, 0, NULL, 0), BLK_OK);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(run(blk_dev(m), BLK_WRITE, 512 << 10, buf, 4096), BLK_OK); /* there is room again */
    assert_int_equal(file_byte(0), 0x44);
    blk_close(m);
}

/* ---- The queue with a store that waits ---- */

struct slow_store {
    struct blk_store store;
    pthread_mutex_t gate;
    int reads, flushes, closed;
};
static size_t slow_read(struct blk_store *s, uint64_t offset, void *data, size_t len, int *err) {
    struct slow_store *w = (struct slow_store *)s;
    (void)err;
    pthread_mutex_lock(&w->gate);
    memset(data, (int)(offset >> 9), len);
    w->reads++;
    pthread_mutex_unlock(&w->gate);
    return len;
}
static size_t slow_write(struct blk_store *s, uint64_t offset, const void *data, size_t len, int *err) {
    (void)s, (void)offset, (void)data, (void)err;
    return len;
}
static int slow_flush(struct blk_store *s) {
    ((struct slow_store *)s)->flushes++;
    return 0;
}
static void slow_close(struct blk_store *s) { ((struct slow_store *)s)->closed++; }
static const struct blk_store_ops slow_ops = {
    .read = slow_read, .write = slow_write, .flush = slow_flush, .close = slow_close};
static struct blk_store *give_store(void *opaque, char *errbuf, size_t errlen) {
    return (void)errbuf, (void)errlen, opaque;
}

static void cancel_and_drain(void **state) {
    (void)state;
    struct slow_store w = {.store = {.ops = &slow_ops, .size = 1 << 20}, .gate = PTHREAD_MUTEX_INITIALIZER};
    struct blk_opener opener = {.open = give_store, .opaque = &w.store};
    struct blk_queue *q = blk_queue_create(&opener, "test", &events);
    assert_non_null(q);
    assert_true(blk_queue_is_open(q, true, error, sizeof error));
    struct blk *b = blk_queue_dev(q);
    struct blk_request r[4];
    memset(r, 0, sizeof r);
    done_count = 0;
    pthread_mutex_lock(&w.gate);
    for (int i = 0; i < 4; i++) {
        r[i].done = count_done;
        blk_read(b, &r[i], 512u * (unsigned)i, buf + 512 * i, 512);
    }
    blk_cancel(b, &r[2]);
    blk_cancel(b, &r[3]);
    assert_false(r[2].busy);
    pthread_mutex_unlock(&w.gate);
    blk_cancel(b, &r[0]); /* waits for the worker, if it has it */
    blk_drain(b);
    assert_int_equal(done_count, 1);
    assert_int_equal(buf[512], 1);
    blk_cancel(b, &r[0]); /* of nothing */
    events_dispatch(&events);
    assert_int_equal(done_count, 1);
    blk_write(b, &r[0], 0, buf, 512, true);
    blk_drain(b);
    assert_int_equal(w.flushes, 1);
    blk_write(b, &r[0], 0, buf, 512, false);
    blk_queue_destroy(q); /* finishes it, flushes, and is silent */
    assert_int_equal(done_count, 2);
    assert_int_equal(w.flushes, 2);
    assert_int_equal(w.closed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_image_reads_and_writes),
        cmocka_unit_test(transfers_in_place),
        cmocka_unit_test(a_snapshot_is_read_in_place),
        cmocka_unit_test(snapshot_leaves_the_image_alone),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(refuses_what_is_no_image),
        cmocka_unit_test(odd_sizes_are_rounded_down),
        cmocka_unit_test(shrunk_file_gives_errors),
        cmocka_unit_test(full_disk_is_an_error_and_not_the_end),
        cmocka_unit_test(cancel_and_drain),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
