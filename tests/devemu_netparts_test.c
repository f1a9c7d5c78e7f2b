/* devemu_netparts_test.c: what network adapters share: addresses, CRC, hashes, the serial EEPROM. */
#include "devemu_fake.h"
#include "devemu/eeprom93c46.h"
#include "devemu/net_filter.h"

static void crc_and_hashes(void **state) {
    (void)state;
    assert_int_equal(~net_crc32((const uint8_t *)"123456789", 9), 0xCBF43926u); /* the usual check value */
    static const uint8_t all_hosts[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0x01};
    /* A polynomial division written the other way round, highest bit first. */
    uint32_t crc = 0xFFFFFFFFu;
    for (int i = 0; i < 48; i++) {
        uint32_t bit = (all_hosts[i / 8] >> (i % 8)) & 1u;
        crc = (crc << 1) ^ ((crc >> 31) ^ bit ? 0x04C11DB7u : 0);
    }
    assert_int_equal(net_hash_high_first(all_hosts), crc >> 26);
    unsigned mirrored = 0;
    for (int i = 0; i < 6; i++) mirrored |= (crc >> i & 1) << (5 - i);
    assert_int_equal(net_hash_low_first(all_hosts), mirrored);
}

static void addresses(void **state) {
    (void)state;
    static const uint8_t a[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, b[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    static const uint8_t m[6] = {0x33, 0x33, 0, 0, 0, 1};
    assert_int_equal(net_address_kind(a), NET_UNICAST);
    assert_int_equal(net_address_kind(b), NET_BROADCAST);
    assert_int_equal(net_address_kind(m), NET_MULTICAST);
    assert_true(net_same_address(a, a));
    assert_false(net_same_address(a, m));
}

static bool clock_bit(struct eeprom93c46 *e, bool in) {
    eeprom93c46_pins(e, true, false, in);
    eeprom93c46_pins(e, true, true, in);
    return eeprom93c46_out(e);
}
static void clock_bits(struct eeprom93c46 *e, unsigned value, int bits) {
    while (bits--) clock_bit(e, value >> bits & 1);
}
static uint16_t clock_word(struct eeprom93c46 *e) {
    unsigned v = 0;
    for (int i = 0; i < 16; i++) v = v << 1 | clock_bit(e, false);
    return (uint16_t)v;
}
static void deselect(struct eeprom93c46 *e) {
    eeprom93c46_pins(e, false, false, false);
    eeprom93c46_pins(e, true, false, false);
}

static void eeprom(void **state) {
    (void)state;
    struct eeprom93c46 e = {.word = {0x1234, 0x8001, [63] = 0xCAFE}};
    eeprom93c46_reset(&e);
    deselect(&e);
    clock_bits(&e, 0, 3); /* no start bit yet */
    clock_bits(&e, 0x180, 9);
    assert_false(eeprom93c46_out(&e)); /* dummy zero */
    assert_int_equal(clock_word(&e), 0x1234);
    assert_int_equal(clock_word(&e), 0x8001); /* sequential */
    deselect(&e);
    clock_bits(&e, 0x180 | 63, 9);
    assert_int_equal(clock_word(&e), 0xCAFE);
    assert_int_equal(clock_word(&e), 0x1234); /* wraps */
    deselect(&e);
    clock_bits(&e, 0x140 | 5, 9), clock_bits(&e, 0xBEEF, 16); /* not enabled */
    assert_int_equal(e.word[5], 0);
    deselect(&e);
    clock_bits(&e, 0x130, 9); /* EWEN */
    deselect(&e);
    clock_bits(&e, 0x140 | 5, 9), clock_bits(&e, 0xBEEF, 16);
    deselect(&e);
    assert_true(eeprom93c46_out(&e)); /* ready */
    assert_int_equal(e.word[5], 0xBEEF);
    clock_bits(&e, 0x1C0 | 5, 9); /* ERASE */
    assert_int_equal(e.word[5], 0xFFFF);
    deselect(&e);
    clock_bits(&e, 0x110, 9), clock_bits(&e, 0x5A5A, 16); /* WRAL */
    assert_int_equal(e.word[0], 0x5A5A);
    assert_int_equal(e.word[63], 0x5A5A);
    deselect(&e);
    clock_bits(&e, 0x120, 9); /* ERAL */
    assert_int_equal(e.word[17], 0xFFFF);
    deselect(&e);
    clock_bits(&e, 0x100, 9); /* EWDS */
    deselect(&e);
    clock_bits(&e, 0x120, 9);
    clock_bits(&e, 0x140, 9), clock_bits(&e, 0, 16);
    assert_int_equal(e.word[0], 0xFFFF);
}

static void eeprom_survives_any_state(void **state) {
    (void)state;
    uint32_t x = 7;
    struct eeprom93c46 e = {0};
    for (int i = 0; i < 2000; i++) {
        uint8_t junk[sizeof e];
        for (size_t n = 0; n < sizeof junk; n++) junk[n] = (uint8_t)fake_random(&x);
        struct dev_state st = {.buf = junk, .cap = sizeof junk};
        eeprom93c46_state(&e, &st);
        assert_false(st.failed);
        for (int n = 0; n < 60; n++) clock_bit(&e, fake_random(&x) & 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_and_hashes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(eeprom),
        cmocka_unit_test(eeprom_survives_any_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
