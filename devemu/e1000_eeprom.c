/*
 * e1000_eeprom.c: EEPROM by pins (EECD) and by word (EERD); the PHY's registers through MDIC.
 *
 * Source: SDM ch. 5 "EEPROM Interface" (5.6: word map, checksum), 13.4.3-13.4.5; PHY: IEEE 802.3 22.2.4 and SDM
 * 13.5 (an 88E1011 inside the chip). The cable is always plugged in: the link is up unless the PHY is powered down.
 */
#include "devemu/e1000_internal.h"
#include <string.h>

/* ---- EEPROM ---- */

enum { WORD_INIT1 = 0x0A, WORD_INIT2 = 0x0F, WORD_CHECKSUM = 0x3F, CHECKSUM = 0xBABA };
enum { EECD_SK = 1, EECD_CS = 2, EECD_DI = 4, EECD_DO = 8, EECD_FWE = 0x30, EECD_REQ = 0x40, EECD_GNT = 0x80 };
enum { EECD_PRESENT = 0x100 };
enum { EERD_START = 1, EERD_DONE = 0x10 };

void e1000_eeprom_fill(struct e1000 *s) {
    uint16_t *w = s->eeprom.word, sum = 0;
    memset(w, 0xFF, sizeof s->eeprom.word);
    for (int i = 0; i < 3; i++) w[i] = (uint16_t)(s->mac[2 * i] | s->mac[2 * i + 1] << 8);
    w[3] = 0;
    w[WORD_INIT1] = 0x4408; /* signature; subsystem and device IDs below are valid */
    w[0x0B] = pci_get16(&s->pci, PCI_SUBSYS_ID);
    w[0x0C] = pci_get16(&s->pci, PCI_SUBSYS_VENDOR);
    w[0x0D] = pci_get16(&s->pci, PCI_DEVICE_ID);
    w[0x0E] = pci_get16(&s->pci, PCI_VENDOR_ID);
    w[WORD_INIT2] = 0x3040;
    for (int i = 0; i < WORD_CHECKSUM; i++) sum = (uint16_t)(sum + w[i]);
    w[WORD_CHECKSUM] = (uint16_t)(CHECKSUM - sum);
}

uint32_t e1000_read_eecd(struct e1000 *s) {
    uint32_t v = s->eecd | EECD_PRESENT;
    if (v & EECD_REQ) v |= EECD_GNT;
    return eeprom93c46_out(&s->eeprom) ? v | EECD_DO : v;
}

void e1000_write_eecd(struct e1000 *s, uint32_t v) {
    s->eecd = v & (EECD_SK | EECD_CS | EECD_DI | EECD_FWE | EECD_REQ);
    eeprom93c46_pins(&s->eeprom, v & EECD_CS, v & EECD_SK, v & EECD_DI);
}

/* While software holds the pins by EECD.REQ the chip itself does not read. */
void e1000_write_eerd(struct e1000 *s, uint32_t v) {
    s->eerd = v & 0xFF00;
    if (!(v & EERD_START)) return;
    if (s->eecd & EECD_REQ) {
        s->eerd |= EERD_START;
        return;
    }
    s->eerd |= EERD_DONE | (uint32_t)s->eeprom.word[(v >> 8) % EEPROM_WORDS] << 16;
}

/* ---- PHY ---- */

enum {
    PHY_CONTROL = 0,
    PHY_STATUS = 1,
    PHY_SPECIFIC_STATUS = 17,
    PHY_ADDRESS = 1,
    CONTROL_RESTART = 1 << 9,
    CONTROL_POWER_DOWN = 1 << 11,
    CONTROL_LOOPBACK = 1 << 14,
    CONTROL_RESET = 1 << 15,
    STATUS_LINK = 1 << 2,
    STATUS_NEGOTIATED = 1 << 5,
    SPECIFIC_LINK = 1 << 10,
};
enum { MDIC_WRITE = 1, MDIC_READ = 2 };
#define MDIC_READY     (1u << 28)
#define MDIC_INTERRUPT (1u << 29)
#define MDIC_ERROR     (1u << 30)

static const uint16_t phy_defaults[32] = {
    [PHY_CONTROL] = 0x1140, /* negotiate, full duplex, 1000 Mbit/s */
    [PHY_STATUS] = 0x7949 | STATUS_LINK | STATUS_NEGOTIATED,
    [2] = 0x0141, /* 88E1011 */
    [3] = 0x0C25,
    [4] = 0x0DE1,  /* offered: 10, 100, pause */
    [5] = 0x4DE1,  /* the partner's, acknowledged */
    [6] = 0x000B,  /* partner can negotiate, page received */
    [9] = 0x0E00,  /* 1000BASE-T, both duplexes */
    [10] = 0x3C00, /* both receivers fine, the partner can do 1000 in both duplexes */
    [15] = 0x3000,
    [16] = 0x0068,
    [PHY_SPECIFIC_STATUS] = 0xA808 | SPECIFIC_LINK, /* 1000, full duplex, resolved */
    [20] = 0x0D60,
};
static const uint16_t phy_writable[32] = {
    [PHY_CONTROL] = 0x7DC0, [4] = 0xFFE0,  [7] = 0xFFFF,  [9] = 0xFF00,  [16] = 0xFFFF,
    [18] = 0xFFFF,          [20] = 0xFFFF, [24] = 0xFFFF, [29] = 0xFFFF, [30] = 0xFFFF,
};

void e1000_phy_reset(struct e1000 *s) { memcpy(s->phy.reg, phy_defaults, sizeof s->phy.reg); }

bool e1000_link_up(const struct e1000 *s) { return !(s->phy.reg[PHY_CONTROL] & CONTROL_POWER_DOWN); }

/* In the MAC, the transceiver or the PHY: nothing reaches the wire. */
bool e1000_loopback(const struct e1000 *s) {
    return (s->reg[E1000_RCTL] & RCTL_LBM) || (s->phy.reg[PHY_CONTROL] & CONTROL_LOOPBACK);
}

static uint16_t phy_read(const struct e1000 *s, unsigned reg) {
    uint16_t v = s->phy.reg[reg];
    if (e1000_link_up(s)) return v;
    if (reg == PHY_STATUS) v &= (uint16_t) ~(STATUS_LINK | STATUS_NEGOTIATED);
    if (reg == PHY_SPECIFIC_STATUS) v &= (uint16_t)~SPECIFIC_LINK;
    return v;
}

static void phy_write(struct e1000 *s, unsigned reg, uint16_t v) {
    bool was_up = e1000_link_up(s);
    if (reg == PHY_CONTROL && (v & CONTROL_RESET)) e1000_phy_reset(s);
    s->phy.reg[reg] = (uint16_t)((s->phy.reg[reg] & ~phy_writable[reg]) | (v & phy_writable[reg]));
    bool restart = reg == PHY_CONTROL && (v & (CONTROL_RESET | CONTROL_RESTART));
    if (restart || was_up != e1000_link_up(s)) e1000_cause(s, INT_LSC);
}

void e1000_write_mdic(struct e1000 *s, uint32_t v) {
    unsigned op = v >> 26 & 3, address = v >> 21 & 31, reg = v >> 16 & 31;
    s->mdic = (v & 0x0FFFFFFF) | MDIC_READY;
    if (op != MDIC_READ && op != MDIC_WRITE)
        s->mdic |= MDIC_ERROR;
    else if (op == MDIC_WRITE && address == PHY_ADDRESS)
        phy_write(s, reg, (uint16_t)v);
    else if (op == MDIC_READ)
        s->mdic = (s->mdic & 0xFFFF0000u) | (address == PHY_ADDRESS ? phy_read(s, reg) : 0xFFFF);
    if (address != PHY_ADDRESS) s->mdic |= MDIC_ERROR;
    if (v & MDIC_INTERRUPT) e1000_cause(s, INT_MDAC);
}
