/* devemu_fwcfg_test.c: the firmware configuration device, by port and by DMA. */
#include "devemu_fake.h"
#include "devemu/fw_cfg.h"

enum { RAM = 4 << 20 };

static struct fake *f;
static struct dev *fw;

static int setup(void **state) {
    (void)state;
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 0, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), RAM, 0, 0), SMMU_OK);
    fw = fake_dev(f, &fw_cfg_class, &(struct fw_cfg_cfg){.cpus = 2});
    return 0;
}
static int teardown(void **state) {
    (void)state;
    dev_destroy(fw);
    assert_null(dev_io_name(f->host.io, 0x514));
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
    return 0;
}
static void select_key(uint16_t key) { dev_io_write(f->host.io, 0x510, 2, key); }
static uint64_t read_le(int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)pin(f, 0x511) << (8 * i);
    return v;
}
static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static void put_be32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}
/* One DMA operation with its structure at 1000h; returns the control field left behind. */
static uint32_t dma(uint32_t control, uint32_t len, uint64_t address) {
    uint8_t c[16];
    put_be32(c, control);
    put_be32(c + 4, len);
    put_be32(c + 8, (uint32_t)(address >> 32));
    put_be32(c + 12, (uint32_t)address);
    smmu_mem_write(f->host.mem, gpa(0x1000), c, sizeof c);
    dev_io_write(f->host.io, 0x514, 4, 0);
    dev_io_write(f->host.io, 0x518, 4, __builtin_bswap32(0x1000));
    smmu_mem_read(f->host.mem, gpa(0x1000), c, 4);
    return be32(c);
}
static uint16_t key_of(const char *name) {
    select_key(FW_CFG_FILE_DIR);
    uint8_t e[64];
    for (int i = 0; i < 4; i++) e[i] = pin(f, 0x511);
    for (uint32_t n = be32(e); n; n--) {
        for (int i = 0; i < 64; i++) e[i] = pin(f, 0x511);
        if (!strcmp((const char *)e + 8, name)) return (uint16_t)(e[4] << 8 | e[5]);
    }
    return 0;
}

static void items(void **state) {
    (void)state;
    select_key(FW_CFG_SIGNATURE);
    assert_int_equal(read_le(4), 0x554D4551); /* "QEMU" */
    assert_int_equal(read_le(4), 0);          /* behind the end */
    select_key(FW_CFG_ID);
    assert_int_equal(read_le(4), 3);
    select_key(FW_CFG_RAM_SIZE);
    assert_int_equal(read_le(8), RAM);
    select_key(FW_CFG_NB_CPUS);
    assert_int_equal(read_le(2), 2);
    select_key(FW_CFG_MAX_CPUS);
    assert_int_equal(read_le(2), 2);
    select_key(FW_CFG_BOOT_MENU);
    assert_int_equal(read_le(2), 0);
    select_key(FW_CFG_IRQ0_OVERRIDE);
    assert_int_equal(read_le(1), 1);
    select_key(0x4000 | FW_CFG_ID);
    assert_int_equal(read_le(4), 3);
    static const uint16_t nobody[] = {0x1F, 0x3FFF, 0x8003, 0xBFFF, 0xFFFF};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        select_key(nobody[i]);
        assert_int_equal(read_le(8), 0);
    }
    pout(f, 0x511, 0x55); /* writes are ignored */
    select_key(FW_CFG_ID);
    assert_int_equal(read_le(1), 3);
    assert_int_equal(fw_cfg_add_u16(fw, 0x1A, 7), DEV_OK);
    assert_int_equal(fw_cfg_add_u16(fw, 0x1A, 8), DEV_OK);
    select_key(0x1A);
    assert_int_equal(read_le(2), 8);
    assert_int_equal(fw_cfg_add_u16(fw, FW_CFG_FILE_DIR, 8), DEV_BAD_CONFIG);
    assert_int_equal(fw_cfg_add_u16(fw, FW_CFG_FILE_FIRST, 8), DEV_BAD_CONFIG);
    assert_int_equal(fw_cfg_add_u16(fw, 0x8010, 8), DEV_BAD_CONFIG);
}

static void files(void **state) {
    (void)state;
    char name[80];
    assert_int_equal(fw_cfg_add_file(fw, "a/file", "hello", 5), DEV_OK);
    assert_int_equal(fw_cfg_add_file(fw, "a/file", "hello", 5), DEV_CONFLICT);
    assert_int_equal(fw_cfg_add_file(fw, "", "x", 1), DEV_BAD_CONFIG);
    memset(name, 'n', sizeof name);
    name[56] = 0;
    assert_int_equal(fw_cfg_add_file(fw, name, "x", 1), DEV_BAD_CONFIG);
    name[55] = 0;
    assert_int_equal(fw_cfg_add_file(fw, name, NULL, 0), DEV_OK);
    assert_int_equal(fw_cfg_add_number(fw, "etc/sercon-port", 0x3F8, 2), DEV_OK);
    assert_int_equal(fw_cfg_add_number(fw, "etc/bad", 0, 9), DEV_BAD_CONFIG);
    select_key(key_of("a/file"));
    assert_int_equal(read_le(6), 0x6F6C6C6568);
    select_key(key_of("etc/sercon-port"));
    assert_int_equal(read_le(4), 0x3F8);
    select_key(key_of("etc/e820"));
    assert_int_equal(read_le(8), 0);
    assert_int_equal(read_le(8), RAM);
    assert_int_equal(read_le(4), 1);
    assert_true(key_of(name) >= FW_CFG_FILE_FIRST);
    assert_int_equal(key_of("nothing"), 0);
    size_t len;
    assert_memory_equal(fw_cfg_find_file(fw, "a/file", &len), "hello", 5);
    assert_int_equal(len, 5);
    assert_null(fw_cfg_find_file(fw, "nothing", &len));
    int added = 0;
    enum dev_status st;
    do {
        snprintf(name, sizeof name, "f%d", added++);
        st = fw_cfg_add_file(fw, name, "x", 1);
    } while (st == DEV_OK);
    assert_int_equal(st, DEV_NO_MEMORY);
    assert_true(added > 50);
}

static void dma_reads(void **state) {
    (void)state;
    char buf[16];
    assert_int_equal(dev_io_read(f->host.io, 0x514, 4), 0x554D4551);
    assert_int_equal(dev_io_read(f->host.io, 0x518, 4), 0x47464320);
    assert_int_equal(fw_cfg_add_file(fw, "file", "0123456789", 10), DEV_OK);
    uint32_t key = key_of("file");
    memset(buf, 'x', sizeof buf);
    smmu_mem_write(f->host.mem, gpa(0x2000), buf, sizeof buf);
    assert_int_equal(dma(key << 16 | 8 | 4, 3, 0), 0); /* select, skip 3 */
    assert_int_equal(dma(2, 4, 0x2000), 0);
    smmu_mem_read(f->host.mem, gpa(0x2000), buf, 6);
    assert_memory_equal(buf, "3456xx", 6);
    assert_int_equal(dma(2, 6, 0x2000), 0); /* the rest, then zeros */
    smmu_mem_read(f->host.mem, gpa(0x2000), buf, 7);
    assert_memory_equal(buf, "789\0\0\0x", 7);
    assert_int_equal(dma(key << 16 | 8 | 2, 2, 0x2000), 0);
    smmu_mem_read(f->host.mem, gpa(0x2000), buf, 3);
    assert_memory_equal(buf, "018", 2);
    assert_int_equal(pin(f, 0x511), '2');    /* port and DMA share the position */
    assert_int_equal(dma(16, 4, 0x2000), 1); /* files cannot be written */
    assert_int_equal(dma(0, 4, 0x2000), 0);
    fake_roundtrip(fw);
    assert_int_equal(pin(f, 0x511), '3');
}

static void dma_odd_targets(void **state) {
    (void)state;
    assert_int_equal(fw_cfg_add_file(fw, "file", "0123456789", 10), DEV_OK);
    uint32_t select = (uint32_t)key_of("file") << 16 | 8;
    static const uint64_t at[] = {RAM - 4, RAM, 0xFFFFFFFE, 0x100000000ull, 0xFFFFFFFFFFFFFFF0ull};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) assert_int_equal(dma(select | 2, 10, at[i]), 0);
    char end[4];
    smmu_mem_read(f->host.mem, gpa(RAM - 4), end, 4);
    assert_memory_equal(end, "0123", 4);
    assert_int_equal(dma(select | 2, 0xFFFFFFFF, 0x3000), 0); /* clears memory up to its end, not beyond */
    uint8_t last = 1;
    smmu_mem_read(f->host.mem, gpa(RAM - 1), &last, 1);
    assert_int_equal(last, 0);
    assert_int_equal(dma(select | 4, 0xFFFFFFFF, 0), 0);
    assert_int_equal(dma(2, 2, 0x2000), 0);
    /* The structure itself anywhere. */
    static const uint32_t where[] = {0xFFFFFFFF, RAM - 8, RAM, 0xFFFFFFF0};
    for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
        dev_io_write(f->host.io, 0x514, 4, 0xFFFFFFFF);
        dev_io_write(f->host.io, 0x518, 4, __builtin_bswap32(where[i]));
    }
    fake_hammer_ports(f, 3, 0x510, 0x51B, 20000);
    fake_garbage_state(f, fw, 4, 0x510, 0x51B);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(items, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
        cmocka_unit_test_setup_teardown(dma_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(dma_odd_targets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
