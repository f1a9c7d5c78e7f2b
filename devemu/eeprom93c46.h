/*
 * eeprom93c46.h: serial EEPROM 93C46, 64 words of 16 bits, driven pin by pin.
 *
 * Source: Microchip 93C46 data sheet (DS21172). The owner embeds the structure, fills `word`, and passes on every
 * change of the three inputs. Writing takes no time. What the guest writes lives until the machine ends.
 */
#ifndef NOVT_DEVEMU_EEPROM93C46_H
#define NOVT_DEVEMU_EEPROM93C46_H

#include "devemu/dev.h"

enum { EEPROM_WORDS = 64 };

struct eeprom93c46 {
    uint16_t word[EEPROM_WORDS];
    bool clock, out;      /* last level of SK; level of DO */
    bool write_enabled;   /* EWEN seen */
    uint8_t phase, count; /* of enum eeprom_phase in the .c file; bits shifted so far in this phase */
    uint16_t shift;       /* bits in or out */
    uint8_t opcode, address;
};

/* Levels of chip select, clock and data in. */
void eeprom93c46_pins(struct eeprom93c46 *e, bool select, bool clock, bool in);
/* Level of data out; pulled high while nobody drives it. */
static inline bool eeprom93c46_out(const struct eeprom93c46 *e) { return e->out; }
/* The pins go idle; contents stay. */
void eeprom93c46_reset(struct eeprom93c46 *e);
void eeprom93c46_state(struct eeprom93c46 *e, struct dev_state *st);
#endif
