/* boot_loader_test.c: direct kernel loading: what is described to the boot ROM, and every way input can be bad. */
#include "devemu_fake.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "devemu/boot.h"
#include "devemu/boot_internal.h"
#include "devemu/bytes.h"
#include "devemu/fw_cfg.h"

enum { RAM = 64 << 20 };

static struct fake *f;
static struct dev *fw;
static char dir[] = "/tmp/novt-boot-XXXXXX";
static char err[512];
static uint8_t k[65536]; /* the kernel file in the making */

static int setup(void **state) {
    (void)state;
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 0, &f->host.mem), SMMU_OK);
    fw = fake_dev(f, &fw_cfg_class, NULL);
    memset(k, 0, sizeof k);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    dev_destroy(fw);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
    return 0;
}
static const char *path_of(const char *name) {
    static char path[4][128];
    static int n;
    char *p = path[n++ & 3];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}
static const char *file(const char *name, const void *data, size_t len) {
    const char *p = path_of(name);
    FILE *o = fopen(p, "w");
    assert_non_null(o);
    assert_int_equal(fwrite(data, 1, len, o), len);
    fclose(o);
    return p;
}
static enum boot_status load(const char *kernel, const char *append, const char *const *initrds, uint64_t ram) {
    const struct boot_config c = {.kernel = kernel, .append = append, .initrds = initrds, .ram_size = ram};
    err[0] = 0;
    enum boot_status st = boot_load(fw, &c, err, sizeof err);
    size_t len;
    if (st == BOOT_OK) {
        assert_int_equal(err[0], 0);
        assert_non_null(fw_cfg_find_file(fw, "novt/boot", &len));
    } else {
        assert_true(strlen(err) > 10);
        assert_null(strchr(err, '\n'));
        assert_null(fw_cfg_find_file(fw, "novt/boot", &len));
        assert_null(fw_cfg_find_file(fw, "bootorder", &len));
    }
    return st;
}
static struct boot_header described(const uint8_t **data, size_t *len) {
    struct boot_header h;
    *data = fw_cfg_find_file(fw, "novt/boot", len);
    assert_true(*len >= sizeof h);
    memcpy(&h, *data, sizeof h);
    return h;
}
/* Both must hold: the status, and a message that names the matter. */
#define REFUSED(call, status, text)                                                                                    \
    do {                                                                                                               \
        assert_int_equal(call, status);                                                                                \
        if (!strstr(err, text)) fail_msg("'%s' does not say '%s'", err, text);                                         \
    } while (0)

/* ---- Files ---- */

static void bad_files(void **state) {
    (void)state;
    const char *none[] = {NULL};
    REFUSED(load(NULL, "", NULL, RAM), BOOT_BAD_ARGUMENT, "no kernel");
    REFUSED(load("", "", none, RAM), BOOT_BAD_ARGUMENT, "no kernel");
    REFUSED(load(path_of("missing"), "", NULL, RAM), BOOT_BAD_FILE, "No such file");
    REFUSED(load(dir, "", NULL, RAM), BOOT_BAD_FILE, "directory");
    REFUSED(load(file("empty", "", 0), "", NULL, RAM), BOOT_BAD_FILE, "empty");
    REFUSED(load("/dev/null", "", NULL, RAM), BOOT_BAD_FILE, "regular");
    REFUSED(load("/dev/zero", "", NULL, RAM), BOOT_BAD_FILE, "regular");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    REFUSED(load(path_of("fifo"), "", NULL, RAM), BOOT_BAD_FILE, "regular");
    REFUSED(load(file("text", "hello, world\n", 13), "", NULL, RAM), BOOT_BAD_FORMAT, "neither");
    REFUSED(load(file("one", "x", 1), "", NULL, RAM), BOOT_BAD_FORMAT, "neither");
    REFUSED(load(file("gz", "\x1f\x8b\x08\x00\x00", 5), "", NULL, RAM), BOOT_BAD_FORMAT, "compressed");
    REFUSED(load(file("elf", "\177ELF\1\1\1", 7), "", NULL, RAM), BOOT_BAD_FORMAT, "without a Multiboot");
    const char *big = file("big", "x", 1);
    assert_int_equal(truncate(big, (off_t)RAM + 1), 0);
    REFUSED(load(big, "", NULL, RAM), BOOT_TOO_BIG, "too large");
    REFUSED(load(file("zeros", k, sizeof k), "", NULL, RAM), BOOT_BAD_FORMAT, "neither");
    void *data;
    size_t len;
    assert_int_equal(boot_read_file(path_of("text"), 13, &data, &len, err, sizeof err), BOOT_OK);
    assert_int_equal(len, 13);
    free(data);
    assert_int_equal(boot_read_file(path_of("text"), 12, &data, &len, err, sizeof err), BOOT_TOO_BIG);
    assert_int_equal(boot_read_file(path_of("text"), 12, &data, &len, NULL, 0), BOOT_TOO_BIG);
}

/* ---- Linux ---- */

static void put16(uint32_t at, uint32_t v) { k[at] = (uint8_t)v, k[at + 1] = (uint8_t)(v >> 8); }
static void put32(uint32_t at, uint32_t v) { put_le32(k + at, v); }
/* 4 setup sectors, 8 KiB of kernel. */
enum { SETUP = 5 * 512, LINUX_LEN = SETUP + 8192 };
static void linux_kernel(unsigned version) {
    memset(k, 0, sizeof k);
    k[0x1F1] = 4;
    put32(0x1F4, 8192 / 16);
    put16(0x1FE, 0xAA55);
    memcpy(k + 0x202, "HdrS", 4);
    put16(0x206, version);
    k[0x211] = 1;
    put32(0x22C, 0x37FFFFFF);
    put32(0x238, 2047);
    put32(0x258, 0x1000000);
    put32(0x260, 0x800000);
    k[SETUP] = 0xFA;
}
static const char *linux_file(size_t len) { return file("bzImage", k, len); }

static void linux_described(void **state) {
    (void)state;
    linux_kernel(0x20F);
    const char *rd[] = {file("rd1", "abc", 3), file("rd2", "0123456789abcdefXYZ", 19), NULL};
    assert_int_equal(load(linux_file(LINUX_LEN), "quiet vga=0x314 x", rd, RAM), BOOT_OK);
    const uint8_t *d;
    size_t len;
    struct boot_header h = described(&d, &len);
    assert_int_equal(h.magic, BOOT_MAGIC);
    assert_int_equal(h.kind, BOOT_LINUX);
    assert_int_equal(h.chunks, 3);
    assert_int_equal(h.info, 0x10000);
    assert_int_equal(h.stack, 0xE000);
    assert_int_equal(h.top, 0x102000);
    assert_int_equal(h.chunk[0].address, 0x10000);
    assert_int_equal(h.chunk[0].length, SETUP);
    assert_int_equal(h.chunk[1].address, 0x100000);
    assert_int_equal(h.chunk[1].length, 8192);
    assert_int_equal(d[h.chunk[1].offset], 0xFA);
    assert_int_equal(h.chunk[2].address, 0x20000);
    assert_string_equal((const char *)d + h.chunk[2].offset, "quiet vga=0x314 x");
    const uint8_t *s = d + h.chunk[0].offset;
    assert_int_equal(s[0x210], 0xFF);
    assert_int_equal(s[0x211], 0x81);
    assert_int_equal(get_le16(s + 0x1FA), 0x314);
    assert_int_equal(get_le16(s + 0x224), 0xDE00);
    assert_int_equal(get_le32(s + 0x228), 0x20000);
    assert_int_equal(h.initrd_size, 16 + 19);
    assert_memory_equal(d + h.initrd_offset,
                        "abc\0\0\0\0\0\0\0\0\0\0\0\0\0"
                        "0123456789abcdefXYZ",
                        35);
    assert_int_equal(h.initrd_limit, RAM);
    assert_int_equal(h.initrd_min, 0x1800000);
    /* The ROM: header, sum, plug and play sum. */
    const uint8_t *rom = fw_cfg_find_file(fw, "genroms/novtboot.rom", &len);
    assert_int_equal(get_le16(rom), 0xAA55);
    assert_int_equal(len, rom[2] * 512u);
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) sum = (uint8_t)(sum + rom[i]);
    assert_int_equal(sum, 0);
    const uint8_t *pnp = rom + get_le16(rom + 0x1A);
    assert_memory_equal(pnp, "$PnP", 4);
    for (int i = 0; i < 32; i++) sum = (uint8_t)(sum + pnp[i]);
    assert_int_equal(sum, 0);
    assert_string_equal(fw_cfg_find_file(fw, "bootorder", &len), "/rom@genroms/novtboot.rom\n");
}

static void linux_old_protocols(void **state) {
    (void)state;
    const uint8_t *d;
    size_t len;
    linux_kernel(0x201);
    assert_int_equal(load(linux_file(LINUX_LEN), "root=/dev/hda", NULL, RAM), BOOT_OK);
    struct boot_header h = described(&d, &len);
    assert_int_equal(h.info, 0x90000);
    assert_int_equal(h.chunk[1].address, 0x100000);
    const uint8_t *s = d + h.chunk[0].offset;
    assert_int_equal(get_le16(s + 0x20), 0xA33F);
    assert_int_equal(0x90000 + get_le16(s + 0x22), h.chunk[2].address);
    assert_int_equal(get_le32(s + 0x228), 0);
    teardown(NULL), setup(NULL);
    linux_kernel(0x200);
    k[0x211] = 0; /* zImage; 2.00 has no heap */
    k[0x1F1] = 0; /* means 4 */
    assert_int_equal(load(linux_file(LINUX_LEN), NULL, NULL, RAM), BOOT_OK);
    h = described(&d, &len);
    assert_int_equal(h.chunk[0].length, SETUP);
    assert_int_equal(h.chunk[1].address, 0x10000);
    assert_int_equal((d + h.chunk[0].offset)[0x211], 0);
    assert_int_equal(h.chunk[2].length, 1);
}

static void linux_refused(void **state) {
    (void)state;
    static char text[70000];
    linux_kernel(0x20F);
    REFUSED(load(linux_file(0x220), "", NULL, RAM), BOOT_BAD_FORMAT, "truncated");
    REFUSED(load(linux_file(0x204), "", NULL, RAM), BOOT_BAD_FORMAT, "truncated");
    REFUSED(load(linux_file(SETUP), "", NULL, RAM), BOOT_BAD_FORMAT, "truncated");
    REFUSED(load(linux_file(LINUX_LEN - 512), "", NULL, RAM), BOOT_BAD_FORMAT, "truncated");
    REFUSED(load(linux_file(LINUX_LEN), "", NULL, 16 << 20), BOOT_TOO_BIG, "needs 24 MiB");
    memset(text, 'a', sizeof text - 1);
    text[2048] = 0;
    REFUSED(load(linux_file(LINUX_LEN), text, NULL, RAM), BOOT_BAD_ARGUMENT, "2047");
    put32(0x238, 0xFFFFFFFF);
    text[2048] = 'a';
    REFUSED(load(linux_file(LINUX_LEN), text, NULL, RAM), BOOT_BAD_ARGUMENT, "65535");
    put16(0x206, 0x103);
    REFUSED(load(linux_file(LINUX_LEN), "", NULL, RAM), BOOT_BAD_FORMAT, "2.00");
    linux_kernel(0x20F);
    k[0x1F1] = 120;
    put32(0x1F4, 0);
    REFUSED(load(linux_file(sizeof k), "", NULL, RAM), BOOT_BAD_FORMAT, "sectors");
    linux_kernel(0x20F);
    put32(0x260, 0xFFFFFFFF);
    REFUSED(load(linux_file(LINUX_LEN), "", NULL, RAM), BOOT_TOO_BIG, "MiB");
    linux_kernel(0x20F);
    const char *dirs[] = {dir, NULL}, *missing[] = {"/nonexistent/initrd", NULL}, *empty[] = {file("e", "", 0), NULL};
    REFUSED(load(linux_file(LINUX_LEN), "", dirs, RAM), BOOT_BAD_FILE, "directory");
    REFUSED(load(linux_file(LINUX_LEN), "", missing, RAM), BOOT_BAD_FILE, "/nonexistent/initrd");
    REFUSED(load(linux_file(LINUX_LEN), "", empty, RAM), BOOT_BAD_FILE, "empty");
    const char *big[] = {file("bigrd", "x", 1), NULL};
    assert_int_equal(truncate(big[0], RAM - 0x1800000 + 1), 0);
    REFUSED(load(linux_file(LINUX_LEN), "", big, RAM), BOOT_TOO_BIG, "initrd");
    put32(0x22C, 0x10FFFFF); /* initrd_addr_max below the kernel's end */
    const char *small[] = {file("smallrd", "x", 1), NULL};
    REFUSED(load(linux_file(LINUX_LEN), "", small, RAM), BOOT_TOO_BIG, "initrd");
    put32(0x22C, 0xFFFFFFFF);
    assert_int_equal(load(linux_file(LINUX_LEN), "", small, RAM), BOOT_OK);
}

/* ---- Multiboot ---- */

static void multiboot_header(uint32_t at, uint32_t flags) {
    put32(at, 0x1BADB002);
    put32(at + 4, flags);
    put32(at + 8, -(0x1BADB002u + flags));
}
/* Code of 100h bytes at 100000h, 1000h of bss. */
static void flat_kernel(void) {
    memset(k, 0, sizeof k);
    multiboot_header(0x20, 0x10003);
    put32(0x2C, 0x100020);
    put32(0x30, 0x100000);
    put32(0x34, 0x100100);
    put32(0x38, 0x101100);
    put32(0x3C, 0x100040);
}
static void program_header(int n, uint32_t offset, uint32_t vaddr, uint32_t paddr, uint32_t filesz, uint32_t memsz) {
    uint32_t p = 52 + 32u * (unsigned)n;
    put32(p, 1), put32(p + 4, offset), put32(p + 8, vaddr), put32(p + 12, paddr), put32(p + 16, filesz),
        put32(p + 20, memsz);
}
static void elf_kernel(uint32_t entry) {
    memset(k, 0, sizeof k);
    memcpy(k, "\177ELF\1\1\1", 7);
    put16(16, 2), put16(18, 3), put32(20, 1), put32(24, entry), put32(28, 52), put16(40, 52), put16(42, 32),
        put16(44, 2);
    program_header(0, 0x1000, 0xC0100000, 0x100000, 0x800, 0x800);
    program_header(1, 0x1800, 0xC0200000, 0x200000, 0x100, 0x3000);
    multiboot_header(0x400, 3);
}
static const char *mb_file(size_t len) { return file("mbkernel", k, len); }

static void multiboot_flat(void **state) {
    (void)state;
    flat_kernel();
    const char *mods[2] = {NULL};
    static char list[600];
    snprintf(list, sizeof list, "%s one,,two,%s", file("m1", "first", 5), file("m2", "second", 6));
    mods[0] = list;
    assert_int_equal(load(mb_file(0x200), "a=b", mods, RAM), BOOT_OK);
    const uint8_t *d;
    size_t len;
    struct boot_header h = described(&d, &len);
    assert_int_equal(h.kind, BOOT_MULTIBOOT);
    assert_int_equal(h.entry, 0x100040);
    assert_int_equal(h.chunk[0].address, 0x100000);
    assert_int_equal(h.chunk[0].length, 0x100);
    assert_int_equal(h.chunk[1].offset, BOOT_ZEROS);
    assert_int_equal(h.chunk[1].address, 0x100100);
    assert_int_equal(h.chunk[1].length, 0x1000);
    assert_int_equal(h.chunk[2].address, 0x102000);
    assert_int_equal(h.chunk[3].address, 0x103000);
    assert_int_equal(h.chunks, 5);
    assert_int_equal(h.top, 0x103006);
    const uint8_t *i = d + h.chunk[4].offset;
    assert_int_equal(h.chunk[4].address, h.info);
    assert_int_equal(h.info & 15, 0);
    assert_int_equal(h.mmap & 15, 0);
    assert_int_equal(get_le32(i), 0x24D);
    assert_int_equal(get_le32(i + 20), 2);
    const uint8_t *m = i + get_le32(i + 24) - h.info;
    assert_int_equal(get_le32(m), 0x102000);
    assert_int_equal(get_le32(m + 4), 0x102005);
    assert_true(strstr((const char *)i + get_le32(m + 8) - h.info, "m1 one,two"));
    assert_true(strstr((const char *)i + get_le32(i + 16) - h.info, "mbkernel a=b"));
    assert_int_equal(get_le32(i + 48), h.mmap);
}

static void multiboot_elf(void **state) {
    (void)state;
    elf_kernel(0xC0100010); /* virtual entry: made physical */
    assert_int_equal(load(mb_file(0x2000), NULL, NULL, RAM), BOOT_OK);
    const uint8_t *d;
    size_t len;
    struct boot_header h = described(&d, &len);
    assert_int_equal(h.entry, 0x100010);
    assert_int_equal(h.chunk[0].address, 0x100000);
    assert_int_equal(h.chunk[1].address, 0x200000);
    assert_int_equal(h.chunk[2].offset, BOOT_ZEROS);
    assert_int_equal(h.chunk[2].address, 0x200100);
    assert_int_equal(h.chunk[2].length, 0x2F00);
    assert_int_equal(h.top, 0x203000);
    teardown(NULL), setup(NULL);
    elf_kernel(0x100020);                                           /* physical entry stays */
    program_header(1, 0x1800, 0xC0010000, 0x10000, 0x100, 0x30000); /* low memory: the information moves */
    assert_int_equal(load(mb_file(0x2000), NULL, NULL, RAM), BOOT_OK);
    h = described(&d, &len);
    assert_int_equal(h.entry, 0x100020);
    assert_int_equal(h.info, 0x40000);
}

static void multiboot_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t at, value;
        const char *says;
    } flat[] = {
        {0x2C, 0x0FFFF0, "contradict"}, {0x2C, 0x100040, "contradict"},  {0x34, 0x0FFFFF, "truncated"},
        {0x34, 0x100201, "truncated"},  {0x34, 0xFFFFFFFF, "truncated"}, {0x38, 0x1000FF, "bss"},
        {0x38, 0x0FFFFF, "bss"},        {0x38, 0xF0000000, "MiB"},       {0x3C, 0x101100, "entry"},
        {0x3C, 0x0FFFFF, "entry"},
    };
    for (size_t i = 0; i < sizeof flat / sizeof *flat; i++) {
        flat_kernel();
        put32(flat[i].at, flat[i].value);
        assert_int_not_equal(load(mb_file(0x200), "", NULL, RAM), BOOT_OK);
        if (!strstr(err, flat[i].says)) fail_msg("'%s' does not say '%s'", err, flat[i].says);
    }
    flat_kernel();
    REFUSED(load(mb_file(0x30), "", NULL, RAM), BOOT_BAD_FORMAT, "truncated");
    multiboot_header(0x20, 0x10008);
    REFUSED(load(mb_file(0x200), "", NULL, RAM), BOOT_BAD_FORMAT, "features");
    multiboot_header(0x20, 3);
    REFUSED(load(mb_file(0x200), "", NULL, RAM), BOOT_BAD_FORMAT, "neither ELF");
    put32(0x28, 0);
    REFUSED(load(mb_file(0x200), "", NULL, RAM), BOOT_BAD_FORMAT, "neither");
    static const struct {
        uint32_t at, value;
        int size;
        const char *says;
    } elf[] = {
        {4, 2, 1, "64-bit"},
        {5, 2, 1, "processor"},
        {18, 62, 2, "processor"},
        {16, 3, 2, "executable"},
        {44, 0, 2, "program headers"},
        {44, 0xFFFF, 2, "program headers"},
        {28, 0xFFFFFFF0, 4, "program headers"},
        {42, 8, 2, "program headers"},
        {24, 0x99, 4, "entry"},
        {56, 0xFFFFFFFF, 4, "truncated"},
        {68, 0x10000, 4, "truncated"},
        {72, 0x7FF, 4, "truncated"},
        {64, 0x1000, 4, "firmware"},
        {64, 0x9F000, 4, "firmware"},
        {64, 0xFFFFFF00, 4, "MiB"},
        {104, 0xFFFFFFFF, 4, "MiB"},
    };
    for (size_t i = 0; i < sizeof elf / sizeof *elf; i++) {
        elf_kernel(0x100010);
        for (int n = 0; n < elf[i].size; n++) k[elf[i].at + (unsigned)n] = (uint8_t)(elf[i].value >> (8 * n));
        assert_int_not_equal(load(mb_file(0x2000), "", NULL, RAM), BOOT_OK);
        if (!strstr(err, elf[i].says)) fail_msg("case %zu: '%s' does not say '%s'", i, err, elf[i].says);
    }
    flat_kernel();
    const char *empty_entry[] = {",x", NULL}, *missing[] = {"/nonexistent/m a b", NULL};
    REFUSED(load(mb_file(0x200), "", empty_entry, RAM), BOOT_BAD_ARGUMENT, "empty entry");
    REFUSED(load(mb_file(0x200), "", missing, RAM), BOOT_BAD_FILE, "'/nonexistent/m'");
    static char many[4096], text[200000];
    const char *module = file("m", "x", 1), *list[] = {many, NULL};
    for (int i = 0; i < 40; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s%s", i ? "," : "", module);
    REFUSED(load(mb_file(0x200), "", list, RAM), BOOT_BAD_ARGUMENT, "32 modules");
    memset(text, 'a', sizeof text - 1);
    REFUSED(load(mb_file(0x200), text, NULL, RAM), BOOT_BAD_ARGUMENT, "too long");
    const char *big[] = {file("bigmod", "x", 1), NULL};
    assert_int_equal(truncate(big[0], RAM - 0x100000), 0);
    REFUSED(load(mb_file(0x200), "", big, RAM), BOOT_TOO_BIG, "does not fit");
}

/* Single random changes of valid kernels: an answer, never a crash; what is accepted stays inside memory. */
static void check_description(void) {
    const uint8_t *d;
    size_t len;
    struct boot_header h = described(&d, &len);
    assert_true(h.chunks <= BOOT_MAX_CHUNKS);
    for (uint32_t i = 0; i < h.chunks; i++) {
        const struct boot_chunk *c = &h.chunk[i];
        assert_true(c->offset == BOOT_ZEROS || (uint64_t)c->offset + c->length <= len);
        assert_true(c->address >= BOOT_LOW_START && (uint64_t)c->address + c->length <= RAM);
        assert_true(c->address >= BOOT_HIGH_START || (uint64_t)c->address + c->length <= BOOT_LOW_END);
    }
}
static void mutations(void **state) {
    (void)state;
    uint32_t x = 12345;
    int accepted = 0;
    for (int i = 0; i < 3000; i++) {
        if (i % 3 == 0)
            linux_kernel(0x20F);
        else if (i % 3 == 1)
            flat_kernel();
        else
            elf_kernel(0x100010);
        uint32_t at = (i % 3 == 0 ? 0x1F0u : i % 3 == 1 ? 0x20u : 0u) + fake_random(&x) % 0x80;
        for (uint32_t n = 1 + fake_random(&x) % 4; n; n--) k[at + n - 1] = (uint8_t)fake_random(&x);
        if (load(file("mut", k, LINUX_LEN - (fake_random(&x) & 7 ? 0 : fake_random(&x) % LINUX_LEN)), "x", NULL, RAM) ==
            BOOT_OK) {
            check_description();
            accepted++;
            teardown(NULL), setup(NULL);
        }
    }
    assert_true(accepted > 300);
}

static int group_setup(void **state) {
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}
static int group_teardown(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
        cmocka_unit_test_setup_teardown(linux_described, setup, teardown),
        cmocka_unit_test_setup_teardown(linux_old_protocols, setup, teardown),
        cmocka_unit_test_setup_teardown(linux_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_flat, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_elf, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(mutations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
