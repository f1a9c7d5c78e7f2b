/* devemu_vga_test.c: the display adapter: planes against a naive model, the window, VBE, text, registers, state. */
#include "devemu_vga_machine.h"

enum { PLANE = 65536, STEPS = 40000 };

/* ---- Planes: the description of the write modes, taken one plane and one bit at a time ---- */

struct model {
    uint8_t plane[4][PLANE], latch[4], gc[9], mask;
};

static bool model_bit(const struct model *k, int p, int b, uint8_t cpu) {
    unsigned mode = k->gc[5] & 3, turn = k->gc[3] & 7;
    uint8_t turned = (uint8_t)((cpu >> turn) | (cpu << (8 - turn)));
    bool latch = bit(k->latch[p], b), in, allowed = bit(k->gc[8], b);
    if (mode == 1) return latch;
    if (mode == 0)
        in = bit(k->gc[1], p) ? bit(k->gc[0], p) : bit(turned, b);
    else if (mode == 2)
        in = bit(cpu, p);
    else
        in = bit(k->gc[0], p), allowed = allowed && bit(turned, b);
    switch (k->gc[3] >> 3 & 3) {
    case 1: in = in && latch; break;
    case 2: in = in || latch; break;
    case 3: in = in != latch; break;
    default: break;
    }
    return allowed ? in : latch;
}
static void model_write(struct model *k, uint16_t at, uint8_t v) {
    for (int p = 0; p < 4; p++) {
        uint8_t out = 0;
        for (int b = 0; b < 8; b++) out |= (uint8_t)(model_bit(k, p, b, v) << b);
        if (bit(k->mask, p)) k->plane[p][at] = out;
    }
}
static uint8_t model_read(struct model *k, uint16_t at) {
    uint8_t same = 0;
    for (int p = 0; p < 4; p++) k->latch[p] = k->plane[p][at];
    if (!(k->gc[5] & 8)) return k->latch[k->gc[4] & 3];
    for (int b = 0; b < 8; b++) {
        bool match = true;
        for (int p = 0; p < 4; p++) match = match && (!bit(k->gc[7], p) || bit(k->latch[p], b) == bit(k->gc[2], p));
        same |= (uint8_t)(match << b);
    }
    return same;
}

static void planes_follow_the_model(void **state) {
    struct machine m = machine_new();
    static struct model k;
    uint32_t x = 0x1234567;
    (void)state;
    planar_mode(&m);
    memset(&k, 0, sizeof k);
    k.mask = 15, k.gc[8] = 0xFF;
    for (int i = 0; i < STEPS; i++) {
        uint32_t r = fake_random(&x);
        uint16_t at = (uint16_t)(fake_random(&x) % 97 * 613);
        uint8_t v = (uint8_t)(r >> 8), reg = (uint8_t)((r >> 16) % 9);
        switch (r & 3) {
        case 0:
            if (reg == 6) break; /* the window stays */
            if (reg == 5) v &= 0x0B;
            gc(&m, reg, v);
            k.gc[reg] = v;
            break;
        case 1: assert_int_equal(peek(&m, WINDOW + at), model_read(&k, at)); break;
        case 2:
            seq(&m, 2, v & 15);
            k.mask = v & 15;
            break;
        default: poke(&m, WINDOW + at, v), model_write(&k, at, v); break;
        }
    }
    gc(&m, 5, 0);
    for (uint8_t p = 0; p < 4; p++) {
        gc(&m, 4, p);
        for (uint32_t at = 0; at < PLANE; at++) assert_int_equal(peek(&m, WINDOW + at), k.plane[p][at]);
    }
    machine_free(&m);
}

/* ---- The window ---- */

static void window_follows_the_registers(void **state) {
    struct machine m = machine_new();
    (void)state;
    assert_int_equal(peek(&m, WINDOW), 0xFF); /* memory is off after reset */
    text_mode(&m);
    assert_true(direct(&m, 0xB8000));
    assert_false(direct(&m, WINDOW));
    for (uint32_t i = 0; i < 4000; i++) poke(&m, 0xB8000 + i, (uint8_t)(i * 7));
    planar_mode(&m);
    assert_false(direct(&m, WINDOW));
    for (uint32_t i = 0; i < 4000; i++) { /* characters in plane 0, attributes in plane 1 */
        gc(&m, 4, i & 1);
        assert_int_equal(peek(&m, WINDOW + (i & ~1u)), (uint8_t)(i * 7));
    }
    gc(&m, 4, 0);
    poke(&m, WINDOW + 2, 0x55);
    text_mode(&m);
    assert_int_equal(peek(&m, 0xB8002), 0x55);
    assert_int_equal(peek(&m, 0xB8003), 0x55);
    assert_int_equal(peek(&m, 0xB8004), 28);
    mode_13h(&m);
    assert_true(direct(&m, WINDOW));
    assert_true(direct(&m, 0xAF000));
    assert_false(direct(&m, 0xB0000));
    seq(&m, 2, 1);
    assert_false(direct(&m, WINDOW)); /* a plane is masked: not plain memory any more */
    machine_free(&m);
}

/* ---- Pictures ---- */

static void planar_picture(void **state) {
    struct machine m = machine_new();
    uint32_t x = 99;
    static uint8_t planes[4][80 * 480];
    (void)state;
    planar_mode(&m);
    for (int p = 0; p < 4; p++) {
        seq(&m, 2, (uint8_t)(1 << p));
        for (uint32_t i = 0; i < sizeof planes[0]; i++) poke(&m, WINDOW + i, planes[p][i] = (uint8_t)fake_random(&x));
    }
    crtc(&m, 0x0D, 3); /* start address */
    attr(&m, 0x13, 5); /* panning */
    uint32_t *got = picture(&m, 640, 480);
    for (unsigned y = 0; y < 479; y++)
        for (unsigned px = 0; px < 640; px++) {
            unsigned at = y * 80 + 3 + (px + 5) / 8, b = 7 - (px + 5) % 8, c = 0;
            for (int p = 0; p < 4; p++) c |= (unsigned)bit(planes[p][at], (int)b) << p;
            assert_int_equal(got[y * 640 + px], colour(c));
        }
    free(got);
    machine_free(&m);
}

static void chain4_picture_and_line_compare(void **state) {
    struct machine m = machine_new();
    (void)state;
    mode_13h(&m);
    for (uint32_t i = 0; i < 64000; i++) poke(&m, WINDOW + i, (uint8_t)(i * 31 + i / 320));
    crtc(&m, 0x0D, 80); /* one line down */
    crtc(&m, 0x18, 99);
    crtc(&m, 0x07, 0x02);
    crtc(&m, 0x09, 0x01); /* line compare 99: line 100 starts at address 0 */
    uint32_t *got = picture(&m, 640, 400);
    for (unsigned y = 0; y < 400; y++)
        for (unsigned px = 0; px < 640; px++) {
            uint32_t i = (y < 100 ? y / 2 + 1 : (y - 100) / 2) * 320 + px / 2;
            assert_int_equal(got[y * 640 + px], colour((uint8_t)(i * 31 + i / 320)));
        }
    free(got);
    machine_free(&m);
}

static void text_picture(void **state) {
    struct machine m = machine_new();
    static struct vga_text t;
    (void)state;
    text_mode(&m);
    seq(&m, 2, 4), seq(&m, 4, 6), gc(&m, 5, 0), gc(&m, 6, 0x04); /* the font, as a BIOS loads it */
    for (uint32_t i = 0; i < 256 * 32; i++) poke(&m, WINDOW + i, (uint8_t)(i / 32 + i % 32));
    text_mode(&m);
    const char *words = "Planes and text";
    for (uint32_t i = 0; words[i]; i++) poke(&m, 0xB8000 + 2 * i, (uint8_t)words[i]), poke(&m, 0xB8001 + 2 * i, 0x1E);
    poke(&m, 0xB8000 + 170 + 1, 0x07); /* under the cursor */
    assert_true(vga_read_text(m.vga, &t));
    assert_int_equal(t.cols, 80);
    assert_int_equal(t.rows, 25);
    assert_int_equal(t.cursor_x, 5);
    assert_int_equal(t.cursor_y, 1);
    for (uint32_t i = 0; words[i]; i++) assert_int_equal(t.cell[0][i][0], words[i]);
    uint32_t *got = picture(&m, 720, 400);
    attr(&m, 0x13, 8);
    vga_draw(m.vga, got, 720, 400, true);
    for (unsigned y = 0; y < 16; y++)
        for (unsigned px = 0; px < 15 * 9; px++) {
            uint8_t row = (uint8_t)(words[px / 9] + (int)y);
            bool on = px % 9 < 8 && bit(row, 7 - (int)(px % 9));
            assert_int_equal(got[y * 720 + px], colour(on ? 14 : 1));
        }
    for (unsigned y = 16; y < 32; y++) /* cursor at column 5 of row 1: scan lines 13 and 14 */
        assert_int_equal(got[y * 720 + 5 * 9] == colour(0), y < 16 + 13 || y > 16 + 14);
    free(got);
    gc(&m, 6, 0x05);
    assert_false(vga_read_text(m.vga, &t));
    machine_free(&m);
}

static void changes_are_seen(void **state) {
    struct machine m = machine_new();
    struct vga_seen seen = {0};
    (void)state;
    text_mode(&m);
    assert_true(vga_changed(m.vga, &seen, true));
    assert_false(vga_changed(m.vga, &seen, true));
    assert_true(vga_changed(m.vga, &seen, false)); /* the cursor */
    poke(&m, 0xB8000 + 7, 'x');
    assert_true(vga_changed(m.vga, &seen, false));
    crtc(&m, 0x0D, 1);
    assert_true(vga_changed(m.vga, &seen, false));
    fake_advance(m.f, FRAME_NS);
    assert_true(vga_changed(m.vga, &seen, false)); /* only now it shows */
    assert_false(vga_changed(m.vga, &seen, false));
    pout(m.f, 0x3C8, 3), pout(m.f, 0x3C9, 1), pout(m.f, 0x3C9, 1), pout(m.f, 0x3C9, 1);
    assert_true(vga_changed(m.vga, &seen, false));
    vbe(&m, 1, 640), vbe(&m, 2, 480), vbe(&m, 3, 32), vbe(&m, 4, 0x41);
    assert_true(vga_changed(m.vga, &seen, false));
    assert_false(vga_changed(m.vga, &seen, true)); /* nothing blinks */
    poke(&m, WINDOW + 100, 1);
    assert_true(vga_changed(m.vga, &seen, true));
    vbe(&m, 5, 1200 * 1024 / 65536 + 1);
    poke(&m, WINDOW, 1); /* below the picture */
    assert_false(vga_changed(m.vga, &seen, true));
    vga_seen_free(&seen);
    machine_free(&m);
}

/* ---- VBE ---- */

static void vbe_modes(void **state) {
    static const struct {
        uint16_t bpp;
        uint32_t raw, rgb;
    } cases[] = {
        {8, 5, 0}, {15, 0x7C1F, 0xFF00FF}, {16, 0x07E0, 0x00FF00}, {24, 0x123456, 0x123456}, {32, 0xAB654321, 0x654321},
    };
    struct machine m = machine_new();
    (void)state;
    colours(&m);
    pout(m.f, 0x3C2, 0x63);
    assert_int_equal(vbe_read(&m, 0), 0xB0C5);
    assert_int_equal(vbe_read(&m, 10), 256);
    pci_bus_config_write(m.bus, PCI_DEVFN(2, 0), PCI_BAR0, 4, 0xFD000000);
    pci_bus_config_write(m.bus, PCI_DEVFN(2, 0), PCI_COMMAND, 2, PCI_CMD_MEM | PCI_CMD_IO);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned step = (cases[i].bpp + 7u) / 8;
        vbe(&m, 4, 0);
        vbe(&m, 1, 1920), vbe(&m, 2, 1080), vbe(&m, 3, cases[i].bpp);
        vbe(&m, 4, 0x41);
        uint32_t at = (1920 * 700 + 1000) * step;
        smmu_mem_write(m.f->host.mem, gpa(0xFD000000ull + at), &cases[i].raw, step);
        vbe(&m, 5, (uint16_t)(at >> 16)); /* the same through the banked window */
        assert_true(direct(&m, WINDOW));
        assert_int_equal(peek(&m, WINDOW + (at & 0xFFFF)), (uint8_t)cases[i].raw);
        uint32_t *got = picture(&m, 1920, 1080);
        assert_int_equal(got[1920 * 700 + 1000], cases[i].bpp == 8 ? colour(5) : cases[i].rgb);
        vbe(&m, 9, 200); /* panned */
        if (cases[i].bpp <= 16)
            vga_draw(m.vga, got, 1920, 1080, true),
                assert_int_equal(got[1920 * 500 + 1000], cases[i].bpp == 8 ? colour(5) : cases[i].rgb);
        free(got);
    }
    vbe(&m, 4, 2);
    assert_int_equal(vbe_read(&m, 1), 2560);
    vbe(&m, 4, 0);
    machine_free(&m);
}

/* ---- Anything a guest may do ---- */

static void draw_whatever(struct machine *m) {
    static struct vga_text t;
    unsigned w, h;
    vga_size(m->vga, &w, &h);
    assert_true(w > 0 && h > 0);
    uint32_t *p = malloc((size_t)w * h * sizeof *p);
    assert_non_null(p);
    vga_draw(m->vga, p, w, h, false);
    vga_read_text(m->vga, &t);
    free(p);
}

static void hammer(void **state) {
    struct machine m = machine_new();
    uint32_t x = 77;
    (void)state;
    for (int round = 0; round < 200; round++) {
        fake_hammer_ports(m.f, x, 0x3B0, 0x3DF, 300);
        fake_hammer_ports(m.f, x ^ 5, 0x1CE, 0x1D0, 60);
        for (int i = 0; i < 300; i++) {
            uint32_t at = WINDOW + fake_random(&x) % 0x20000;
            if (i & 1)
                poke(&m, at, (uint8_t)x);
            else
                peek(&m, at);
        }
        if (round % 8 == 0) draw_whatever(&m);
    }
    fake_garbage_state(m.f, m.vga, 4242, 0x3B0, 0x3DF);
    draw_whatever(&m);
    machine_free(&m);
}

static void state_roundtrip(void **state) {
    struct machine m = machine_new();
    (void)state;
    text_mode(&m);
    poke(&m, 0xB8000, 'x');
    fake_roundtrip(m.vga);
    assert_true(direct(&m, 0xB8000));
    assert_int_equal(peek(&m, 0xB8000), 'x');
    vbe(&m, 1, 800), vbe(&m, 2, 600), vbe(&m, 3, 16), vbe(&m, 4, 0xC1), vbe(&m, 5, 3);
    fake_roundtrip(m.vga);
    assert_int_equal(vbe_read(&m, 5), 3);
    machine_free(&m);
}

static void retrace_comes_round(void **state) {
    struct machine m = machine_new();
    int rises = 0, shown = 0;
    bool was = false;
    (void)state;
    text_mode(&m);
    for (int i = 0; i < 100000; i++) { /* one second */
        uint8_t v = pin(m.f, 0x3DA);
        rises += (v & 8) && !was;
        was = v & 8;
        shown += !(v & 1);
        assert_true(!(v & 8) || (v & 1));
        fake_advance(m.f, 10000);
    }
    assert_in_range(rises, 50, 75);
    assert_in_range(shown, 50000, 90000);
    machine_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_follow_the_model),
        cmocka_unit_test(window_follows_the_registers),
        cmocka_unit_test(planar_picture),
        cmocka_unit_test(chain4_picture_and_line_compare),
        cmocka_unit_test(text_picture),
        cmocka_unit_test(changes_are_seen),
        cmocka_unit_test(vbe_modes),
        cmocka_unit_test(hammer),
        cmocka_unit_test(state_roundtrip),
        cmocka_unit_test(retrace_comes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
