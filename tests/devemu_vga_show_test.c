/* devemu_vga_show_test.c: what registers make of the picture: DAC, text, CGA's modes, latches, and when pages change.
 */
#include "devemu_vga_machine.h"

/* ---- The DAC ---- */

static void dac_takes_and_gives_back(void **state) {
    struct machine m = machine_new();
    (void)state;
    pout(m.f, 0x3C8, 254);
    assert_int_equal(pin(m.f, 0x3C7), 0); /* waits for writes */
    for (unsigned i = 0; i < 9; i++) pout(m.f, 0x3C9, (uint8_t)(0xC1 + 5 * i));
    assert_int_equal(pin(m.f, 0x3C8), 1); /* three entries on, around the end */
    pout(m.f, 0x3C7, 254);
    assert_int_equal(pin(m.f, 0x3C7), 3); /* gives */
    for (unsigned i = 0; i < 9; i++) assert_int_equal(pin(m.f, 0x3C9), (0xC1 + 5 * i) & 0x3F);
    pout(m.f, 0x3C8, 7); /* an entry is stored when its third part has come */
    pout(m.f, 0x3C9, 1), pout(m.f, 0x3C9, 2);
    pout(m.f, 0x3C8, 7);
    pout(m.f, 0x3C9, 9);
    pout(m.f, 0x3C7, 7);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(pin(m.f, 0x3C9), 0);
    machine_free(&m);
}

static void dac_with_8_bits(void **state) {
    struct machine m = machine_new();
    (void)state;
    vbe(&m, 4, 0x20);
    pout(m.f, 0x3C8, 0);
    for (unsigned i = 0; i < 3; i++) pout(m.f, 0x3C9, 0xFE);
    pout(m.f, 0x3C7, 0);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(pin(m.f, 0x3C9), 0xFE);
    machine_free(&m);
}

/* Each stripe of 16 dots in the next of the 256 colours: 40 in a line. */
static void stripes(struct machine *m) {
    mode_13h(m);
    for (uint32_t i = 0; i < 64000; i++) poke(m, WINDOW + i, (uint8_t)(i % 320 / 8 + i / 320 * 40));
}

static void dac_mask_hides_bits(void **state) {
    static const uint8_t masks[] = {0xFF, 0x0F, 0xA5, 0x00};
    struct machine m = machine_new();
    (void)state;
    stripes(&m);
    for (unsigned k = 0; k < sizeof masks; k++) {
        pout(m.f, 0x3C6, masks[k]);
        assert_int_equal(pin(m.f, 0x3C6), masks[k]);
        uint32_t *got = picture(&m, 640, 400);
        for (unsigned y = 0; y < 16; y += 2)
            for (unsigned s = 0; s < 40; s++)
                assert_int_equal(got[y * 640 + s * 16], colour((uint8_t)(s + y / 2 * 40) & masks[k]));
        free(got);
    }
    machine_free(&m);
}

/* ---- Text: the cells of a screen that is filled by hand ---- */

enum { FONT_SETS = 8, GLYPH = 32 };

/* What line `row` of character ch looks like in font set f, of which no two agree. */
static uint8_t glyph_of(unsigned f, unsigned ch, unsigned row) { return (uint8_t)(ch * 29 + row * 3 + f * 64 + 1); }
static uint32_t font_at(unsigned f) { return (f & 3) * 16384 + (f >> 2) * 8192; }

static void load_fonts(struct machine *m) {
    seq(m, 2, 4), seq(m, 4, 6), gc(m, 5, 0), gc(m, 6, 0x04);
    for (unsigned f = 0; f < FONT_SETS; f++)
        for (unsigned i = 0; i < 256 * GLYPH; i++) poke(m, WINDOW + font_at(f) + i, glyph_of(f, i / GLYPH, i % GLYPH));
}
static void cell(struct machine *m, unsigned at, uint8_t ch, uint8_t attribute) {
    poke(m, 0xB8000 + 2 * at, ch);
    poke(m, 0xB8001 + 2 * at, attribute);
}
static void text_screen(struct machine *m) {
    text_mode(m);
    load_fonts(m);
    text_mode(m);
    crtc(m, 0x0A, 0x20); /* no cursor */
    attr(m, 0x13, 8);    /* of 9 dots none is panned out of sight */
}

/* The scan lines of the character at (x, y), dots wide and lines high, are those of font set f. */
static void assert_cell(const uint32_t *got, unsigned pitch, unsigned x, unsigned y, unsigned dots, unsigned lines,
                        unsigned f, uint8_t ch, unsigned fg, unsigned bg) {
    for (unsigned row = 0; row < lines; row++)
        for (unsigned i = 0; i < dots; i++) {
            bool on = i < 8 && bit(glyph_of(f, ch, row), 7 - (int)i);
            assert_int_equal(got[(y * lines + row) * pitch + x * dots + i], colour(on ? fg : bg));
        }
}

static void cursor_shapes(void **state) {
    static const struct {
        uint8_t start, end, first, last; /* first > last: none */
    } shapes[] = {{0, 15, 0, 15}, {13, 14, 13, 14}, {7, 7, 7, 7},    {0x20, 15, 1, 0},
                  {9, 3, 1, 0},   {16, 20, 1, 0},   {14, 31, 14, 15}};
    struct machine m = machine_new();
    (void)state;
    text_screen(&m);
    crtc(&m, 0x0E, 0), crtc(&m, 0x0F, 82);
    for (unsigned i = 0; i < 160; i++) cell(&m, i, 0, 0x07);
    for (unsigned k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        crtc(&m, 0x0A, shapes[k].start), crtc(&m, 0x0B, shapes[k].end);
        uint32_t *got = picture(&m, 720, 400);
        for (unsigned row = 0; row < 16; row++)
            for (unsigned i = 0; i < 9; i++) {
                bool here = row >= shapes[k].first && row <= shapes[k].last;
                bool on = here || (i < 8 && bit(glyph_of(0, 0, row), 7 - (int)i));
                assert_int_equal(got[(16 + row) * 720 + 18 + i], colour(on ? 7 : 0));
            }
        vga_draw(m.vga, got, 720, 400, false); /* it blinks */
        assert_cell(got, 720, 2, 1, 9, 16, 0, 0, 7, 0);
        free(got);
    }
    machine_free(&m);
}

static void cursor_skew(void **state) {
    struct machine m = machine_new();
    (void)state;
    text_screen(&m);
    for (unsigned i = 0; i < 80; i++) cell(&m, i, 0, 0x07);
    crtc(&m, 0x0F, 10), crtc(&m, 0x0A, 0), crtc(&m, 0x0B, 15 | 2 << 5);
    uint32_t *got = picture(&m, 720, 400);
    assert_cell(got, 720, 10, 0, 9, 16, 0, 0, 7, 0);
    for (unsigned i = 0; i < 9; i++) assert_int_equal(got[12 * 9 + i], colour(7));
    free(got);
    machine_free(&m);
}

static void character_maps(void **state) {
    struct machine m = machine_new();
    (void)state;
    text_screen(&m);
    cell(&m, 0, 'A', 0x07), cell(&m, 1, 'A', 0x0F);
    for (unsigned a = 0; a < FONT_SETS; a++)
        for (unsigned b = 0; b < FONT_SETS; b++) { /* a: attribute bit 3 clear ("map B" of the manual) */
            seq(&m, 3, (uint8_t)((a & 3) | (a & 4) << 2 | (b & 3) << 2 | (b & 4) << 3));
            uint32_t *got = picture(&m, 720, 400);
            assert_cell(got, 720, 0, 0, 9, 16, a, 'A', 7, 0);
            assert_cell(got, 720, 1, 0, 9, 16, b, 'A', 15, 0);
            free(got);
        }
    machine_free(&m);
}

static void blink_or_bright_background(void **state) {
    struct machine m = machine_new();
    static struct vga_text t;
    (void)state;
    text_screen(&m);
    cell(&m, 0, 'x', 0x9E), cell(&m, 1, 'x', 0x1E);
    attr(&m, 0x10, 0x08); /* blinks */
    uint32_t *got = picture(&m, 720, 400);
    assert_cell(got, 720, 0, 0, 9, 16, 0, 'x', 14, 1);
    vga_draw(m.vga, got, 720, 400, false);
    assert_cell(got, 720, 0, 0, 9, 16, 0, 'x', 1, 1);
    assert_cell(got, 720, 1, 0, 9, 16, 0, 'x', 14, 1);
    assert_true(vga_read_text(m.vga, &t) && t.blink);
    attr(&m, 0x10, 0x00); /* is bright */
    vga_draw(m.vga, got, 720, 400, false);
    assert_cell(got, 720, 0, 0, 9, 16, 0, 'x', 14, 9);
    assert_true(vga_read_text(m.vga, &t) && !t.blink);
    free(got);
    machine_free(&m);
}

static void eight_and_nine_dots(void **state) {
    struct machine m = machine_new();
    (void)state;
    text_screen(&m);
    cell(&m, 0, 0xC4, 0x07), cell(&m, 1, 0xB0, 0x07);
    attr(&m, 0x10, 0x04); /* line graphics go on in the ninth dot */
    uint32_t *got = picture(&m, 720, 400);
    for (unsigned row = 0; row < 16; row++) {
        assert_int_equal(got[row * 720 + 8], colour(bit(glyph_of(0, 0xC4, row), 0) ? 7 : 0));
        assert_int_equal(got[row * 720 + 17], colour(0));
    }
    attr(&m, 0x10, 0x00);
    vga_draw(m.vga, got, 720, 400, true);
    assert_cell(got, 720, 0, 0, 9, 16, 0, 0xC4, 7, 0);
    free(got);
    seq(&m, 1, 0x01), attr(&m, 0x13, 0);
    got = picture(&m, 640, 400);
    assert_cell(got, 640, 0, 0, 8, 16, 0, 0xC4, 7, 0);
    assert_cell(got, 640, 1, 0, 8, 16, 0, 0xB0, 7, 0);
    free(got);
    machine_free(&m);
}

static void forty_columns(void **state) {
    struct machine m = machine_new();
    static struct vga_text t;
    (void)state;
    text_screen(&m);
    crtc(&m, 0x01, 39), crtc(&m, 0x13, 20);
    attr(&m, 0x13, 0);
    seq(&m, 1, 0x09); /* half the dot clock, 8 dots */
    cell(&m, 39, 'L', 0x07), cell(&m, 40, 'N', 0x07);
    uint32_t *got = picture(&m, 640, 400);
    for (unsigned row = 0; row < 16; row++)
        for (unsigned i = 0; i < 16; i++) {
            assert_int_equal(got[row * 640 + 39 * 16 + i], colour(bit(glyph_of(0, 'L', row), 7 - (int)i / 2) ? 7 : 0));
            assert_int_equal(got[(16 + row) * 640 + i], colour(bit(glyph_of(0, 'N', row), 7 - (int)i / 2) ? 7 : 0));
        }
    free(got);
    assert_true(vga_read_text(m.vga, &t));
    assert_int_equal(t.cols, 40);
    assert_int_equal(t.rows, 25);
    assert_int_equal(t.cell[1][0][0], 'N');
    machine_free(&m);
}

static void many_lines(void **state) {
    static const struct { unsigned lines, rows; } modes[] = {{400, 50}, {350, 43}};
    struct machine m = machine_new();
    static struct vga_text t;
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        text_screen(&m);
        timing(&m, 80, modes[k].lines, 40);
        crtc(&m, 0x09, 0x47), crtc(&m, 0x17, 0xA3);
        seq(&m, 1, 0), seq(&m, 2, 3), seq(&m, 4, 2), gc(&m, 5, 0x10), gc(&m, 6, 0x0E);
        unsigned last = modes[k].rows - 1;
        cell(&m, last * 80 + 3, 'Z', 0x07);
        uint32_t *got = picture(&m, 720, modes[k].lines);
        assert_cell(got, 720, 3, last, 9, 8, 0, 'Z', 7, 0);
        free(got);
        assert_true(vga_read_text(m.vga, &t));
        assert_int_equal(t.rows, modes[k].rows);
        assert_int_equal(t.cell[last][3][0], 'Z');
    }
    machine_free(&m);
}

static void text_pans_and_splits(void **state) {
    struct machine m = machine_new();
    (void)state;
    text_screen(&m);
    for (unsigned i = 0; i < 2000; i++) cell(&m, i, (uint8_t)(i % 251), 0x07);
    crtc(&m, 0x0D, 160), crtc(&m, 0x08, 5); /* from row 2 on, five scan lines of it gone */
    crtc(&m, 0x18, 199), crtc(&m, 0x07, 0x02), crtc(&m, 0x09, 0x0F);
    for (unsigned pan = 0; pan < 9; pan++) {
        attr(&m, 0x13, (uint8_t)pan); /* 8: nothing; 0..7: one to eight dots */
        attr(&m, 0x10, pan & 1 ? 0x20 : 0);
        unsigned out = pan == 8 ? 0 : pan + 1;
        uint32_t *got = picture(&m, 720, 400);
        for (unsigned y = 0; y < 400; y++)
            for (unsigned x = 0; x < 700; x++) {
                bool top = y < 200;
                unsigned at = x + (top || !(pan & 1) ? out : 0), line = top ? y + 5 : y - 200;
                unsigned ch = ((top ? 160 : 0) + line / 16 * 80 + at / 9) % 251, i = at % 9;
                bool on = i < 8 && bit(glyph_of(0, ch, line % 16), 7 - (int)i);
                assert_int_equal(got[y * 720 + x], colour(on ? 7 : 0));
            }
        free(got);
    }
    machine_free(&m);
}

/* ---- CGA's modes: two banks of lines ---- */

static void cga_mode(struct machine *m, bool four_colours) {
    timing(m, 40, 400, 20);
    crtc(m, 0x01, four_colours ? 39 : 79), crtc(m, 0x13, four_colours ? 20 : 40);
    crtc(m, 0x09, 0x81); /* a row is two scan lines, from two banks, each drawn twice */
    crtc(m, 0x18, 0xFF), crtc(m, 0x07, 0x12);
    crtc(m, 0x17, four_colours ? 0xA2 : 0xC2);
    seq(m, 1, four_colours ? 0x09 : 0x01);
    seq(m, 2, four_colours ? 0x03 : 0x01);
    seq(m, 4, four_colours ? 0x02 : 0x06);
    gc(m, 5, four_colours ? 0x30 : 0x00);
    gc(m, 6, four_colours ? 0x0F : 0x0D);
}

static void cga_pictures(void **state) {
    struct machine m = machine_new();
    uint32_t x = 5;
    static uint8_t memory[16384];
    (void)state;
    for (int four = 0; four < 2; four++) {
        cga_mode(&m, four);
        for (uint32_t i = 0; i < sizeof memory; i++) poke(&m, 0xB8000 + i, memory[i] = (uint8_t)fake_random(&x));
        uint32_t *got = picture(&m, 640, 400);
        for (unsigned y = 0; y < 400; y++)
            for (unsigned px = 0; px < 640; px++) {
                unsigned line = y / 2, byte = memory[(line & 1) * 8192 + line / 2 * 80 + px / 8];
                unsigned c = four ? byte >> (6 - (px / 2 & 3) * 2) & 3 : byte >> (7 - px % 8) & 1;
                assert_int_equal(got[y * 640 + px], colour(c));
            }
        free(got);
    }
    machine_free(&m);
}

/* ---- Latches ---- */

static void write_modes_by_hand(void **state) {
    struct machine m = machine_new();
    (void)state;
    planar_mode(&m);
    for (uint8_t p = 0; p < 4; p++) seq(&m, 2, (uint8_t)(1 << p)), poke(&m, WINDOW, (uint8_t)(0x11 << p));
    seq(&m, 2, 15);
    peek(&m, WINDOW); /* loads the latches */
    gc(&m, 5, 1);
    poke(&m, WINDOW + 1, 0xFF); /* mode 1: the latches, whatever the CPU says */
    gc(&m, 5, 2), gc(&m, 8, 0x0F);
    poke(&m, WINDOW + 2, 0x05); /* mode 2: colour 5 in the lower half, latches above */
    gc(&m, 5, 3), gc(&m, 0, 0x0A), gc(&m, 8, 0x3C);
    poke(&m, WINDOW + 3, 0xF0); /* mode 3: set/reset where CPU and mask have ones */
    gc(&m, 5, 0), gc(&m, 8, 0xFF), gc(&m, 1, 0x01), gc(&m, 0, 0x01), gc(&m, 3, 0x14);
    poke(&m, WINDOW + 4, 0x1F); /* mode 0: plane 0 set; the rest turned by four, OR the latches */
    gc(&m, 3, 0), gc(&m, 1, 0);
    for (uint8_t p = 0; p < 4; p++) {
        uint8_t latch = (uint8_t)(0x11 << p);
        gc(&m, 4, p);
        assert_int_equal(peek(&m, WINDOW + 1), latch);
        assert_int_equal(peek(&m, WINDOW + 2), (latch & 0xF0) | (p & 1 ? 0 : 0x0F));
        assert_int_equal(peek(&m, WINDOW + 3), (latch & ~0x30) | (p & 1 ? 0x30 : 0));
        assert_int_equal(peek(&m, WINDOW + 4), p ? 0xF1 | latch : 0xFF);
    }
    gc(&m, 5, 8), gc(&m, 2, 0x05), gc(&m, 7, 0x0F);
    assert_int_equal(peek(&m, WINDOW), 0x00); /* read mode 1: colours are 1, 2, 4, 8 */
    gc(&m, 2, 0x04);
    assert_int_equal(peek(&m, WINDOW), 0x44);
    gc(&m, 2, 0x05), gc(&m, 7, 0x0E);
    assert_int_equal(peek(&m, WINDOW), 0x44); /* plane 0 does not count */
    gc(&m, 7, 0);
    assert_int_equal(peek(&m, WINDOW), 0xFF);
    machine_free(&m);
}

/* ---- Time ---- */

/* As the BIOS programs 400 lines (9 dots or 8) and 480. */
static void bios_timing(struct machine *m, bool nine, bool lines_480) {
    pout(m->f, 0x3C2, lines_480 ? 0xE3 : nine ? 0x67 : 0x63);
    crtc(m, 0x11, 0x0C);
    crtc(m, 0x00, 0x5F);
    crtc(m, 0x06, lines_480 ? 0x0B : 0xBF);
    crtc(m, 0x07, lines_480 ? 0x3E : 0x1F);
    crtc(m, 0x12, lines_480 ? 0xDF : 0x8F);
    crtc(m, 0x10, lines_480 ? 0xEA : 0x9C);
    crtc(m, 0x11, lines_480 ? 0x8C : 0x8E);
    seq(m, 1, nine ? 0 : 1);
}
static bool in_retrace(struct machine *m) { return pin(m->f, 0x3DA) & 8; }
/* On the microsecond. */
static void to_retrace(struct machine *m) {
    while (in_retrace(m)) fake_advance(m->f, 1000);
    while (!in_retrace(m)) fake_advance(m->f, 1000);
}

static void frames_last_as_long_as_on_the_card(void **state) {
    static const struct {
        bool nine, lines_480;
        unsigned frame_us, retrace_us;
    } modes[] = {
        {true, false, 14268, 64}, {false, false, 14268, 64}, {false, true, 16683, 64}}; /* 70.09, 70.09, 59.94 Hz */
    struct machine m = machine_new();
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        bios_timing(&m, modes[k].nine, modes[k].lines_480);
        to_retrace(&m);
        uint64_t start = m.f->now;
        while (in_retrace(&m)) fake_advance(m.f, 1000);
        assert_in_range((m.f->now - start) / 1000, modes[k].retrace_us - 2, modes[k].retrace_us + 2);
        to_retrace(&m);
        assert_in_range((m.f->now - start) / 1000, modes[k].frame_us - 5, modes[k].frame_us + 5);
    }
    machine_free(&m);
}

static uint8_t left_dot(struct machine *m) { /* of 256 colours, the first */
    static uint32_t pixels[640 * 400];
    vga_draw(m->vga, pixels, 640, 400, true);
    for (unsigned i = 0; i < 256; i++)
        if (pixels[0] == colour(i)) return (uint8_t)i;
    fail_msg("a colour that is not there");
    return 0;
}

static void pages_change_in_the_retrace(void **state) {
    struct machine m = machine_new();
    (void)state;
    mode_13h(&m);
    bios_timing(&m, false, false);
    crtc(&m, 0x07, 0x1F), crtc(&m, 0x11, 0x0E);
    for (uint32_t i = 0; i < 64000; i++) poke(&m, WINDOW + i, (uint8_t)(i / 320 % 16)); /* a colour each line */
    to_retrace(&m);
    fake_advance(m.f, 3000000);
    assert_int_equal(left_dot(&m), 0);
    crtc(&m, 0x0D, 80);
    assert_int_equal(left_dot(&m), 0);
    fake_advance(m.f, 2000000);
    crtc(&m, 0x0D, 160); /* once more in the same frame: the last one counts */
    assert_int_equal(left_dot(&m), 0);
    fake_roundtrip(m.vga);
    assert_int_equal(left_dot(&m), 0);
    to_retrace(&m);
    assert_int_equal(left_dot(&m), 2);
    crtc(&m, 0x0D, 240); /* in the retrace: for the frame after next */
    while (in_retrace(&m)) fake_advance(m.f, 1000);
    assert_int_equal(left_dot(&m), 2);
    to_retrace(&m);
    assert_int_equal(left_dot(&m), 3);
    machine_free(&m);
}

/* The time between two retraces changes while an address waits: the next retrace that the CPU sees is the one that
 * counts. */
static void start_waits_for_the_retrace_of_new_timing(void **state) {
    struct machine m = machine_new();
    (void)state;
    mode_13h(&m);
    bios_timing(&m, false, false);
    crtc(&m, 0x07, 0x1F), crtc(&m, 0x11, 0x0E);
    for (uint32_t i = 0; i < 64000; i++) poke(&m, WINDOW + i, (uint8_t)(i / 320 % 16));
    for (unsigned us = 0; us < 16000; us += 500) { /* wherever the two frames stand to each other */
        bios_timing(&m, false, true);
        crtc(&m, 0x0D, 0);
        to_retrace(&m);
        fake_advance(m.f, 1000 * us);
        crtc(&m, 0x0D, 160);
        bios_timing(&m, false, false);
        to_retrace(&m);
        fake_advance(m.f, 1000);
        assert_int_equal(left_dot(&m), 2);
    }
    machine_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dac_takes_and_gives_back),
        cmocka_unit_test(dac_with_8_bits),
        cmocka_unit_test(dac_mask_hides_bits),
        cmocka_unit_test(cursor_shapes),
        cmocka_unit_test(cursor_skew),
        cmocka_unit_test(character_maps),
        cmocka_unit_test(blink_or_bright_background),
        cmocka_unit_test(eight_and_nine_dots),
        cmocka_unit_test(forty_columns),
        cmocka_unit_test(many_lines),
        cmocka_unit_test(text_pans_and_splits),
        cmocka_unit_test(cga_pictures),
        cmocka_unit_test(write_modes_by_hand),
        cmocka_unit_test(frames_last_as_long_as_on_the_card),
        cmocka_unit_test(pages_change_in_the_retrace),
        cmocka_unit_test(start_waits_for_the_retrace_of_new_timing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
