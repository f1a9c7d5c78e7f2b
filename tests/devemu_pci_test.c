/* devemu_pci_test.c: PCI bus, host bridge with its memory map, ISA bridge, power management. */
#include "devemu_fake.h"
#include "devemu/cf9.h"
#include "devemu/i440fx.h"
#include "devemu/piix3.h"
#include "devemu/piix4pm.h"

enum { RAM = 16 << 20, BIOS = 256 << 10 };

struct test_dev {
    struct pci_dev pci;
    int reads, writes;
    uint64_t last;
};
static uint32_t io_read(void *o, uint16_t port, unsigned size) {
    struct test_dev *t = o;
    (void)size;
    t->reads++;
    return port - pci_bar_base(&t->pci, 0);
}
static void io_write(void *o, uint16_t port, unsigned size, uint32_t v) {
    struct test_dev *t = o;
    (void)port, (void)size;
    t->writes++;
    t->last = v;
}
static uint64_t mem_read(void *o, uint32_t offset, unsigned size) {
    (void)o, (void)size;
    return offset;
}
static void mem_write(void *o, uint32_t offset, unsigned size, uint64_t v) {
    (void)offset, (void)size;
    ((struct test_dev *)o)->last = v;
}
static const struct dev_io_ops io_ops = {.name = "test", .read = io_read, .write = io_write};
static const uint8_t option_rom[6000] = {0x55, 0xAA, 12};

static enum dev_status test_init(struct dev *d, const void *cfg) {
    struct test_dev *t = (struct test_dev *)d;
    struct dev *bus = *(struct dev *const *)cfg;
    const struct pci_id id = {.vendor = 0x1234, .device = 0x5678, .class_code = 0xFF0000, .revision = 9, .int_pin = 1};
    const struct smmu_mmio mm = {.name = "test", .opaque = t, .read = mem_read, .write = mem_write};
    uint8_t devfn = PCI_DEVFN(4, 0);
    if (pci_bus_find(bus, devfn)) devfn = PCI_DEVFN(5, 0);
    assert_int_equal(pci_dev_init(&t->pci, bus, devfn, &id), DEV_OK);
    assert_int_equal(pci_bar_io(&t->pci, 0, 32, &io_ops, t), DEV_OK);
    assert_int_equal(pci_bar_mmio(&t->pci, 1, 8192, &mm), DEV_OK);
    assert_int_equal(pci_bar_rom(&t->pci, option_rom, sizeof option_rom), DEV_OK);
    assert_int_equal(pci_bar_io(&t->pci, 2, 24, &io_ops, t), DEV_BAD_CONFIG);
    assert_int_equal(pci_bar_io(&t->pci, 2, 512, &io_ops, t), DEV_BAD_CONFIG);
    assert_int_equal(pci_bar_io(&t->pci, 6, 32, &io_ops, t), DEV_BAD_CONFIG);
    assert_int_equal(pci_bar_mmio(&t->pci, 2, 256, &mm), DEV_BAD_CONFIG);
    assert_int_equal(pci_bar_mmio(&t->pci, 1, 4096, &mm), DEV_BAD_CONFIG);
    pci_dev_ready(&t->pci);
    return DEV_OK;
}
static void test_reset(struct dev *d) { pci_dev_reset((struct pci_dev *)d); }
static void test_state(struct dev *d, struct dev_state *st) { pci_dev_state((struct pci_dev *)d, st); }
static void test_destroy(struct dev *d) { pci_dev_fini((struct pci_dev *)d); }
static const struct dev_class test_class = {"test",      sizeof(struct test_dev), test_init, test_reset, test_state,
                                            test_destroy};

struct board {
    struct fake *f;
    struct dev *cf9, *bus, *host, *isa, *pm, *a, *b;
};
static uint8_t bios[BIOS];

static struct board board_new(void) {
    struct board b = {.f = fake_create()};
    assert_int_equal(smmu_mem_create(RAM, BIOS + 65536, &b.f->host.mem), SMMU_OK);
    for (uint32_t i = 0; i < BIOS; i++) bios[i] = (uint8_t)(i >> 12);
    b.cf9 = fake_dev(b.f, &cf9_class, NULL);
    b.bus = fake_dev(b.f, &pci_bus_class, &(struct pci_bus_cfg){.mmio_low = RAM, .cf9 = b.cf9});
    b.host = fake_dev(b.f, &i440fx_class, &(struct i440fx_cfg){.bus = b.bus, .bios = bios, .bios_size = BIOS});
    struct piix3_cfg isa = {.bus = b.bus};
    for (int i = 0; i < 16; i++) isa.isa_irq[i] = fake_line(b.f, i);
    b.isa = fake_dev(b.f, &piix3_class, &isa);
    b.pm =
        fake_dev(b.f, &piix4pm_class, &(struct piix4pm_cfg){.bus = b.bus, .sci = fake_line(b.f, 20), .serial1 = true});
    b.a = fake_dev(b.f, &test_class, &b.bus);
    b.b = fake_dev(b.f, &test_class, &b.bus);
    return b;
}
static void board_free(struct board *b) {
    struct dev *all[] = {b->b, b->a, b->pm, b->isa, b->host, b->bus, b->cf9};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) dev_destroy(all[i]);
    assert_null(dev_io_name(b->f->host.io, 0xCF8));
    smmu_mem_destroy(b->f->host.mem);
    fake_destroy(b->f);
}
static uint32_t cfg_read(struct board *b, int slot, int fn, unsigned at, unsigned size) {
    dev_io_write(b->f->host.io, 0xCF8, 4, 0x80000000u | (unsigned)PCI_DEVFN(slot, fn) << 8 | (at & 0xFC));
    return dev_io_read(b->f->host.io, (uint16_t)(0xCFC + (at & 3)), size);
}
static void cfg_write(struct board *b, int slot, int fn, unsigned at, unsigned size, uint32_t v) {
    dev_io_write(b->f->host.io, 0xCF8, 4, 0x80000000u | (unsigned)PCI_DEVFN(slot, fn) << 8 | (at & 0xFC));
    dev_io_write(b->f->host.io, (uint16_t)(0xCFC + (at & 3)), size, v);
}
static uint8_t mem8(struct board *b, uint64_t at) {
    uint8_t v;
    smmu_mem_read(b->f->host.mem, gpa(at), &v, 1);
    return v;
}
static void set_mem8(struct board *b, uint64_t at, uint8_t v) { smmu_mem_write(b->f->host.mem, gpa(at), &v, 1); }

static void mechanism_one(void **state) {
    (void)state;
    struct board b = board_new();
    struct dev_io_bus *io = b.f->host.io;
    assert_int_equal(cfg_read(&b, 0, 0, 0, 4), 0x12378086);
    assert_int_equal(cfg_read(&b, 0, 0, 0x2C, 4), 0x11001AF4);
    assert_int_equal(cfg_read(&b, 1, 0, 0, 4), 0x70008086);
    assert_int_equal(cfg_read(&b, 1, 0, 0x0E, 1), 0x80);
    assert_int_equal(cfg_read(&b, 1, 0, 0x08, 4), 0x06010000);
    assert_int_equal(cfg_read(&b, 1, 3, 0, 4), 0x71138086);
    assert_int_equal(cfg_read(&b, 1, 3, 0x5B, 1), 0x02);
    assert_int_equal(cfg_read(&b, 2, 0, 0, 4), 0xFFFFFFFFu);
    assert_int_equal(cfg_read(&b, 2, 0, 2, 2), 0xFFFF);
    assert_int_equal(cfg_read(&b, 4, 0, 2, 2), 0x5678);
    assert_int_equal(cfg_read(&b, 4, 0, 3, 1), 0x56);
    cfg_write(&b, 4, 0, 0, 4, 0); /* read-only */
    assert_int_equal(cfg_read(&b, 4, 0, 0, 4), 0x56781234);
    /* Address register: only dwords; other buses and a clear enable bit select nobody. */
    dev_io_write(io, 0xCF8, 4, 0x8000FFFF);
    assert_int_equal(dev_io_read(io, 0xCF8, 4), 0x8000FFFC);
    dev_io_write(io, 0xCF8, 1, 0);
    assert_int_equal(dev_io_read(io, 0xCF8, 4), 0x8000FFFC);
    dev_io_write(io, 0xCF8, 4, 0x80010000);
    assert_int_equal(dev_io_read(io, 0xCFC, 4), 0xFFFFFFFFu);
    dev_io_write(io, 0xCF8, 4, 0);
    assert_int_equal(dev_io_read(io, 0xCFC, 4), 0xFFFFFFFFu);
    dev_io_write(io, 0xCFC, 4, 0xFFFFFFFF);
    /* CF9h: bytes are the reset register. */
    pout(b.f, 0xCF9, 2);
    assert_int_equal(b.f->requests, 0);
    pout(b.f, 0xCF9, 6);
    assert_int_equal(b.f->last_request, DEV_REQ_RESET);
    board_free(&b);
}

static void bars(void **state) {
    (void)state;
    struct board b = board_new();
    struct dev_io_bus *io = b.f->host.io;
    struct test_dev *a = (struct test_dev *)b.a;
    cfg_write(&b, 4, 0, 0x10, 4, 0xFFFFFFFF);
    assert_int_equal(cfg_read(&b, 4, 0, 0x10, 4), 0xFFFFFFE1u);
    cfg_write(&b, 4, 0, 0x14, 4, 0xFFFFFFFF);
    assert_int_equal(cfg_read(&b, 4, 0, 0x14, 4), 0xFFFFE000u);
    cfg_write(&b, 4, 0, 0x18, 4, 0xFFFFFFFF);
    assert_int_equal(cfg_read(&b, 4, 0, 0x18, 4), 0);
    cfg_write(&b, 4, 0, 0x30, 4, 0xFFFFFFFE);
    assert_int_equal(cfg_read(&b, 4, 0, 0x30, 4), 0xFFFFE000u);
    cfg_write(&b, 4, 0, 0x10, 4, 0xC000);
    assert_null(dev_io_name(io, 0xC000));
    cfg_write(&b, 4, 0, 4, 2, 0xFFFF);
    assert_int_equal(cfg_read(&b, 4, 0, 4, 2), 0x0147);
    assert_string_equal(dev_io_name(io, 0xC01F), "test");
    assert_null(dev_io_name(io, 0xC020));
    assert_int_equal(dev_io_read(io, 0xC004, 4), 4);
    /* Sizing with decoding left on harms nobody, neither ports nor memory. */
    cfg_write(&b, 4, 0, 0x14, 4, 0xFFFFFFFF);
    assert_int_equal(mem8(&b, 0xFFFFFFF0u), bios[BIOS - 16]);
    cfg_write(&b, 4, 0, 0x14, 4, 0x100000); /* over RAM */
    set_mem8(&b, 0x100004, 0x77);
    assert_int_equal(mem8(&b, 0x100004), 0x77);
    cfg_write(&b, 4, 0, 0x14, 4, 0xE0000000);
    assert_int_equal(mem8(&b, 0xE0001010), 0x10);
    set_mem8(&b, 0xE0000000, 0x5A);
    assert_int_equal(a->last, 0x5A);
    cfg_write(&b, 4, 0, 0x14, 4, 0xE0002000);
    assert_int_equal(mem8(&b, 0xE0001010), 0xFF);
    assert_int_equal(mem8(&b, 0xE0002010), 0x10);
    /* ROM: its own enable bit. */
    cfg_write(&b, 4, 0, 0x30, 4, 0xE0010000);
    assert_int_equal(mem8(&b, 0xE0010000), 0xFF);
    cfg_write(&b, 4, 0, 0x30, 1, 1);
    assert_int_equal(mem8(&b, 0xE0010000), 0x55);
    set_mem8(&b, 0xE0010000, 0);
    assert_int_equal(mem8(&b, 0xE0010000), 0x55);
    assert_int_equal(mem8(&b, 0xE0011FFF), 0);
    /* Two devices at one address: the lower slot wins, the other appears when it goes. */
    cfg_write(&b, 5, 0, 0x10, 4, 0xC010);
    cfg_write(&b, 5, 0, 0x14, 4, 0xE0002000);
    cfg_write(&b, 5, 0, 4, 2, 3);
    dev_io_write(io, 0xC010, 1, 0x11);
    assert_int_equal(a->last, 0x11);
    cfg_write(&b, 4, 0, 4, 2, 0);
    dev_io_write(io, 0xC010, 1, 0x22);
    assert_int_equal(a->last, 0x11);
    assert_int_equal(((struct test_dev *)b.b)->last, 0x22);
    set_mem8(&b, 0xE0002000, 0x33);
    assert_int_equal(((struct test_dev *)b.b)->last, 0x33);
    /* Port base 0 is "not assigned"; a taken port is not stolen. */
    cfg_write(&b, 5, 0, 0x10, 4, 0);
    assert_null(dev_io_name(io, 0));
    cfg_write(&b, 5, 0, 0x10, 4, 0xCE0);
    assert_string_equal(dev_io_name(io, 0xCF8), "pci");
    fake_roundtrip(b.b);
    b.b->cls->reset(b.b);
    assert_int_equal(cfg_read(&b, 5, 0, 0x14, 4), 0);
    assert_int_equal(mem8(&b, 0xE0002000), 0xFF);
    board_free(&b);
}

static void pirq_routing(void **state) {
    (void)state;
    struct board b = board_new();
    struct pci_dev *a = (struct pci_dev *)b.a, *c = (struct pci_dev *)b.b;
    pci_set_intx(a, true); /* slot 4 INTA: PIRQD; not routed yet */
    for (int i = 0; i < 16; i++) assert_false(b.f->line[i]);
    cfg_write(&b, 1, 0, 0x63, 1, 11);
    assert_true(b.f->line[11]);
    cfg_write(&b, 1, 0, 0x63, 1, 10);
    assert_false(b.f->line[11]);
    assert_true(b.f->line[10]);
    cfg_write(&b, 1, 0, 0x60, 4, 0x0A0A0A0A);
    pci_set_intx(c, true); /* slot 5: PIRQA, shares IRQ 10 */
    assert_int_equal(b.f->rises[10], 1);
    pci_set_intx(a, false);
    assert_true(b.f->line[10]);
    pci_set_intx(c, false);
    assert_false(b.f->line[10]);
    cfg_write(&b, 1, 0, 0x60, 1, 2); /* IRQ 2 cannot be used */
    pci_set_intx(c, true);
    assert_false(b.f->line[2]);
    cfg_write(&b, 1, 0, 0x60, 1, 5);
    assert_true(b.f->line[5]);
    fake_roundtrip(b.bus);
    b.isa->cls->reset(b.isa);
    assert_false(b.f->line[5]);
    cfg_write(&b, 1, 0, 0x60, 1, 5);
    assert_true(b.f->line[5]);
    dev_destroy(b.b);
    b.b = NULL;
    assert_false(b.f->line[5]);
    board_free(&b);
}

static void memory_map(void **state) {
    (void)state;
    struct board b = board_new();
    assert_int_equal(mem8(&b, 0xFFFFFFF0u), BIOS / 4096 - 1);
    assert_int_equal(mem8(&b, 0xFFFC0000u), 0);
    assert_int_equal(mem8(&b, 0xFFFBFFFFu), 0xFF);
    assert_int_equal(mem8(&b, 0xE0000), 0x20); /* the image's last 128 KiB */
    assert_int_equal(mem8(&b, 0xFFFFF), 0x3F);
    assert_int_equal(mem8(&b, 0xC0000), 0xFF);
    set_mem8(&b, 0xA0000, 1);
    assert_int_equal(mem8(&b, 0xA0000), 0xFF);
    set_mem8(&b, 0x9FFFF, 0x42);
    assert_int_equal(mem8(&b, 0x9FFFF), 0x42);
    set_mem8(&b, RAM - 1, 0x43);
    assert_int_equal(mem8(&b, RAM - 1), 0x43);
    set_mem8(&b, RAM, 1);
    assert_int_equal(mem8(&b, RAM), 0xFF);
    board_free(&b);
}

static void pam(void **state) {
    (void)state;
    struct board b = board_new();
    static const struct {
        uint32_t at;
        uint8_t reg, shift;
    } area[] = {
        {0xF0000, 0x59, 4}, {0xFFFFF, 0x59, 4}, {0xC0000, 0x5A, 0}, {0xC7FFF, 0x5A, 4}, {0xC8000, 0x5B, 0},
        {0xCC000, 0x5B, 4}, {0xD0000, 0x5C, 0}, {0xD4000, 0x5C, 4}, {0xD8000, 0x5D, 0}, {0xDC000, 0x5D, 4},
        {0xE0000, 0x5E, 0}, {0xE4000, 0x5E, 4}, {0xE8000, 0x5F, 0}, {0xEFFFF, 0x5F, 4},
    };
    for (size_t i = 0; i < sizeof area / sizeof *area; i++) {
        uint32_t at = area[i].at;
        uint8_t rom = mem8(&b, at);
        set_mem8(&b, at, 1);
        assert_int_equal(mem8(&b, at), rom);
        cfg_write(&b, 0, 0, area[i].reg, 1, 2u << area[i].shift); /* write RAM, read ROM */
        set_mem8(&b, at, 0x99);
        assert_int_equal(mem8(&b, at), rom);
        cfg_write(&b, 0, 0, area[i].reg, 1, 1u << area[i].shift); /* read RAM only */
        assert_int_equal(mem8(&b, at), 0x99);
        set_mem8(&b, at, 1);
        assert_int_equal(mem8(&b, at), 0x99);
        cfg_write(&b, 0, 0, area[i].reg, 1, 0xFF);
        assert_int_equal(cfg_read(&b, 0, 0, area[i].reg, 1), area[i].reg == 0x59 ? 0x30 : 0x33);
        set_mem8(&b, at, 0x9A);
        assert_int_equal(mem8(&b, at), 0x9A);
        cfg_write(&b, 0, 0, area[i].reg, 1, 0);
    }
    cfg_write(&b, 0, 0, 0x58, 4, 0x33333033);
    cfg_write(&b, 0, 0, 0x5C, 4, 0x33333333);
    fake_roundtrip(b.host);
    assert_int_equal(mem8(&b, 0xF0000), 0x9A);
    b.host->cls->reset(b.host);
    assert_int_equal(mem8(&b, 0xF0000), 0x30);
    assert_int_equal(mem8(&b, 0xC0000), 0xFF);
    cfg_write(&b, 0, 0, 0x72, 1, 0xFF);
    assert_int_equal(cfg_read(&b, 0, 0, 0x72, 1), 0x7A);
    cfg_write(&b, 0, 0, 0x72, 1, 0);
    assert_int_equal(cfg_read(&b, 0, 0, 0x72, 1), 0x7A); /* locked */
    board_free(&b);
}

static void bad_boards(void **state) {
    (void)state;
    struct fake *f = fake_create();
    enum dev_status st;
    assert_int_equal(smmu_mem_create(RAM, BIOS, &f->host.mem), SMMU_OK);
    struct dev *bus = fake_dev(f, &pci_bus_class, &(struct pci_bus_cfg){.mmio_low = RAM});
    const struct i440fx_cfg bad[] = {
        {.bus = bus, .bios = bios, .bios_size = 0},      {.bus = bus, .bios = bios, .bios_size = 1000},
        {.bus = bus, .bios = NULL, .bios_size = BIOS},   {.bus = bus, .bios = bios, .bios_size = (size_t)1 << 25},
        {.bus = NULL, .bios = bios, .bios_size = 65536},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(dev_create(&i440fx_class, &f->host, &bad[i], &st));
        assert_int_equal(st, DEV_BAD_CONFIG);
    }
    assert_null(
        dev_create(&i440fx_class, &f->host, &(struct i440fx_cfg){bus, bios, BIOS}, &st)); /* ROM room is short now */
    assert_int_equal(st, DEV_NO_MEMORY);
    assert_null(dev_create(&pci_bus_class, &f->host, &(struct pci_bus_cfg){.mmio_low = RAM}, &st));
    assert_int_equal(st, DEV_CONFLICT);
    dev_destroy(bus);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
}

/* ---- Power management ---- */

static void pm_on(struct board *b) {
    cfg_write(b, 1, 3, 0x40, 4, 0x601);
    cfg_write(b, 1, 3, 0x80, 1, 1);
}

static void pm_timer(void **state) {
    (void)state;
    struct board b = board_new();
    struct dev_io_bus *io = b.f->host.io;
    pm_on(&b);
    assert_string_equal(dev_io_name(io, 0x600), "acpi-pm");
    uint32_t t0 = dev_io_read(io, 0x608, 4);
    fake_advance(b.f, 1000000000);
    assert_int_equal((dev_io_read(io, 0x608, 4) - t0) & 0xFFFFFF, 3579545);
    assert_int_equal(dev_io_read(io, 0x608, 1), dev_io_read(io, 0x608, 4) & 0xFF);
    fake_advance(b.f, 10000000000u);
    assert_true(dev_io_read(io, 0x608, 4) < 1u << 24);
    assert_int_equal(dev_io_read(io, 0x600, 2) & 1, 1); /* bit 23 has changed */
    dev_io_write(io, 0x600, 2, 0xFFFF);
    assert_int_equal(dev_io_read(io, 0x600, 2) & 1, 0);
    /* The overflow interrupt needs SCI_EN and TMR_EN, and comes every 2.34 s. */
    dev_io_write(io, 0x602, 2, 1);
    pout(b.f, 0xB2, 0xF1);
    assert_int_equal(dev_io_read(io, 0x604, 2) & 1, 1);
    fake_advance(b.f, 2400000000u);
    assert_true(b.f->line[20]);
    dev_io_write(io, 0x600, 2, 1);
    assert_false(b.f->line[20]);
    fake_advance(b.f, 2343000000u);
    assert_true(b.f->line[20]);
    fake_roundtrip(b.pm);
    pout(b.f, 0xB2, 0xF0);
    assert_int_equal(dev_io_read(io, 0x604, 2) & 1, 0);
    assert_false(b.f->line[20]);
    cfg_write(&b, 1, 3, 0x40, 4, 0xB001); /* the block moves */
    assert_null(dev_io_name(io, 0x600));
    assert_string_equal(dev_io_name(io, 0xB03F), "acpi-pm");
    cfg_write(&b, 1, 3, 0x80, 1, 0);
    assert_null(dev_io_name(io, 0xB000));
    cfg_write(&b, 1, 3, 0x40, 4, 0xCC1); /* taken ports are not stolen */
    cfg_write(&b, 1, 3, 0x80, 1, 1);
    assert_string_equal(dev_io_name(io, 0xCF8), "pci");
    board_free(&b);
}

static void sleep_and_button(void **state) {
    (void)state;
    struct board b = board_new();
    struct dev_io_bus *io = b.f->host.io;
    pm_on(&b);
    assert_false(piix4pm_power_button(b.pm));
    pout(b.f, 0xB2, 0xF1);
    assert_false(piix4pm_power_button(b.pm));
    dev_io_write(io, 0x602, 2, 0x100);
    assert_true(piix4pm_power_button(b.pm));
    assert_true(b.f->line[20]);
    assert_int_equal(dev_io_read(io, 0x601, 1), 1);
    dev_io_write(io, 0x601, 1, 1);
    assert_false(b.f->line[20]);
    assert_int_equal(dev_io_read(io, 0x602, 2), 0x100);
    dev_io_write(io, 0x604, 2, 0x0001 | 1 << 10); /* type without SLP_EN */
    assert_int_equal(b.f->requests, 0);
    dev_io_write(io, 0x604, 2, 0x2001 | 1 << 10); /* S3 is not there: woken at once */
    assert_int_equal(b.f->requests, 0);
    assert_int_equal(dev_io_read(io, 0x600, 2) & 0x8000, 0x8000);
    dev_io_write(io, 0x604, 2, 0x2001);
    assert_int_equal(b.f->requests, 1);
    assert_int_equal(b.f->last_request, DEV_REQ_POWEROFF);
    board_free(&b);
}

static void other_pm_ports(void **state) {
    (void)state;
    struct board b = board_new();
    struct dev_io_bus *io = b.f->host.io;
    assert_int_equal(pin(b.f, 0xAF00), 1);
    assert_int_equal(pin(b.f, 0xAF01), 0);
    assert_int_equal(dev_io_read(io, 0xAE00, 4), 0);
    dev_io_write(io, 0xAFE2, 2, 0x0301);
    assert_int_equal(dev_io_read(io, 0xAFE0, 4), 0x03010000);
    pout(b.f, 0xB3, 0x12);
    assert_int_equal(pin(b.f, 0xB3), 0x12);
    cfg_write(&b, 1, 3, 0x90, 4, 0xB101);
    cfg_write(&b, 1, 3, 0xD2, 1, 9);
    pout(b.f, 0xB104, 0xA1);
    pout(b.f, 0xB102, 0x48); /* start: no slave answers */
    assert_int_equal(pin(b.f, 0xB100), 4);
    pout(b.f, 0xB100, 0xFF);
    assert_int_equal(pin(b.f, 0xB100), 0);
    assert_int_equal(cfg_read(&b, 1, 3, 0x67, 1), 0x08);
    board_free(&b);
}

static void survives_anything(void **state) {
    (void)state;
    struct board b = board_new();
    uint32_t x = 77;
    for (int i = 0; i < 100000; i++) {
        dev_io_write(b.f->host.io, 0xCF8, 4, 0x80000000u | (fake_random(&x) % 48) << 8 | (fake_random(&x) & 0xFC));
        fake_hammer_ports(b.f, fake_random(&x), 0xCFA, 0xCFF, 2);
        if (!(i & 63)) fake_hammer_ports(b.f, fake_random(&x), 0xAE00, 0xAFFF, 4);
    }
    struct dev *all[] = {b.b, b.a, b.pm, b.isa, b.host, b.bus};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fake_garbage_state(b.f, all[i], (uint32_t)i + 5, 0xCF8, 0xCFF);
    board_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mechanism_one),
        cmocka_unit_test(bars),
        cmocka_unit_test(pirq_routing),
        cmocka_unit_test(memory_map),
        cmocka_unit_test(pam),
        cmocka_unit_test(bad_boards),
        cmocka_unit_test(pm_timer),
        cmocka_unit_test(sleep_and_button),
        cmocka_unit_test(other_pm_ports),
        cmocka_unit_test(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
