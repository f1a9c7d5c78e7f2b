/*
 * eeprom93c46.c: the 93C46's instruction set: start bit, two bits opcode, six bits address, sixteen bits data.
 *
 * Source: Microchip 93C46 data sheet (DS21172), "Instruction Set" and "Functional Description". Bits are taken at
 * the rising edge of SK. Instructions that change the array do so when their last bit is in.
 */
#include "devemu/eeprom93c46.h"

enum eeprom_phase { WAIT_START, IN_COMMAND, IN_DATA, OUT_DATA, DONE };
enum { OP_EXTENDED = 0, OP_WRITE = 1, OP_READ = 2, OP_ERASE = 3 };
enum { EXT_DISABLE = 0, EXT_WRITE_ALL = 1, EXT_ERASE_ALL = 2, EXT_ENABLE = 3 }; /* two top bits of the address */
enum { COMMAND_BITS = 8, DATA_BITS = 16, BLANK = 0xFFFF };

static void enter(struct eeprom93c46 *e, enum eeprom_phase phase) {
    e->phase = (uint8_t)phase;
    e->count = 0;
    e->shift = 0;
}

static void store_all(struct eeprom93c46 *e, uint16_t v) {
    for (int i = 0; e->write_enabled && i < EEPROM_WORDS; i++) e->word[i] = v;
}

static void extended(struct eeprom93c46 *e) {
    enter(e, DONE);
    switch (e->address >> 4) {
    case EXT_DISABLE: e->write_enabled = false; break;
    case EXT_ENABLE: e->write_enabled = true; break;
    case EXT_ERASE_ALL: store_all(e, BLANK); break;
    case EXT_WRITE_ALL: enter(e, IN_DATA); break;
    }
}

static void command(struct eeprom93c46 *e) {
    e->opcode = (uint8_t)(e->shift >> 6 & 3);
    e->address = (uint8_t)(e->shift % EEPROM_WORDS);
    switch (e->opcode) {
    case OP_READ:
        enter(e, OUT_DATA);
        e->shift = e->word[e->address];
        e->out = false; /* a zero bit goes before the data */
        break;
    case OP_WRITE: enter(e, IN_DATA); break;
    case OP_ERASE:
        if (e->write_enabled) e->word[e->address] = BLANK;
        enter(e, DONE);
        break;
    case OP_EXTENDED: extended(e); break;
    }
}

static void data_in(struct eeprom93c46 *e) {
    if (e->opcode == OP_EXTENDED)
        store_all(e, e->shift);
    else if (e->write_enabled)
        e->word[e->address % EEPROM_WORDS] = e->shift;
    enter(e, DONE);
}

static void data_out(struct eeprom93c46 *e) {
    e->out = e->shift >> (DATA_BITS - 1);
    e->shift = (uint16_t)(e->shift << 1);
    if (++e->count < DATA_BITS) return;
    e->address = (uint8_t)((e->address + 1) % EEPROM_WORDS); /* reading on gives the next word */
    e->count = 0;
    e->shift = e->word[e->address];
}

static void rising_edge(struct eeprom93c46 *e, bool in) {
    switch (e->phase) {
    case WAIT_START:
        if (in) enter(e, IN_COMMAND);
        break;
    case IN_COMMAND:
        e->shift = (uint16_t)(e->shift << 1 | in);
        if (++e->count >= COMMAND_BITS) command(e);
        break;
    case IN_DATA:
        e->shift = (uint16_t)(e->shift << 1 | in);
        if (++e->count >= DATA_BITS) data_in(e);
        break;
    case OUT_DATA: data_out(e); break;
    default: break;
    }
}

void eeprom93c46_pins(struct eeprom93c46 *e, bool select, bool clock, bool in) {
    bool rises = clock && !e->clock;
    e->clock = clock;
    if (!select) {
        enter(e, WAIT_START);
        e->out = true;
    } else if (rises) {
        rising_edge(e, in);
    }
}

void eeprom93c46_reset(struct eeprom93c46 *e) {
    enter(e, WAIT_START);
    e->clock = false;
    e->out = true;
    e->write_enabled = false;
    e->opcode = e->address = 0;
}

void eeprom93c46_state(struct eeprom93c46 *e, struct dev_state *st) {
    DEV_STATE(st, e->word);
    dev_state_bool(st, &e->clock);
    dev_state_bool(st, &e->out);
    dev_state_bool(st, &e->write_enabled);
    DEV_STATE(st, e->phase);
    DEV_STATE(st, e->count);
    DEV_STATE(st, e->shift);
    DEV_STATE(st, e->opcode);
    DEV_STATE(st, e->address);
    if (!st->saving) e->address %= EEPROM_WORDS;
}
