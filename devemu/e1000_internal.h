/*
 * e1000_internal.h: registers and state of the 82540EM, shared by e1000*.c.
 *
 * Source: SDM ch. 13 "Register Descriptions". Registers that are only stored, or stored and then acted upon, are
 * rows of E1000_REGISTERS; the others (CTRL's resets, STATUS, EECD, EERD, MDIC, interrupts, statistics, tables) are
 * written out in e1000.c. A transfer of the adapter never reaches the adapter's own registers (`in_dma`): a PCI
 * master does not answer itself, and no descriptor can restart the engine that is reading it.
 */
#ifndef NOVT_DEVEMU_E1000_INTERNAL_H
#define NOVT_DEVEMU_E1000_INTERNAL_H

#include "devemu/e1000.h"
#include "devemu/eeprom93c46.h"

/* name, offset, writable bits, value after reset */
#define E1000_REGISTERS(X)                                                                                             \
    X(TDT, 0x3818, 0xFFFF, 0)                                                                                          \
    X(RDT, 0x2818, 0xFFFF, 0)                                                                                          \
    X(TDH, 0x3810, 0xFFFF, 0)                                                                                          \
    X(RDH, 0x2810, 0xFFFF, 0)                                                                                          \
    X(ITR, 0x00C4, 0xFFFF, 0)                                                                                          \
    X(CTRL, 0x0000, 0x7BFFFFFF, 0x00000201)                                                                            \
    X(CTRL_EXT, 0x0018, 0xFFFFFFFF, 0)                                                                                 \
    X(FCAL, 0x0028, 0xFFFFFFFF, 0)                                                                                     \
    X(FCAH, 0x002C, 0xFFFF, 0)                                                                                         \
    X(FCT, 0x0030, 0xFFFF, 0)                                                                                          \
    X(VET, 0x0038, 0xFFFF, 0x8100)                                                                                     \
    X(RCTL, 0x0100, 0x07FFFFFE, 0)                                                                                     \
    X(FCTTV, 0x0170, 0xFFFF, 0)                                                                                        \
    X(TXCW, 0x0178, 0xFFFFFFFF, 0)                                                                                     \
    X(TCTL, 0x0400, 0x01FFFFFA, 0)                                                                                     \
    X(TIPG, 0x0410, 0x3FFFFFFF, 0x00602008)                                                                            \
    X(AIFS, 0x0458, 0xFFFF, 0)                                                                                         \
    X(LEDCTL, 0x0E00, 0xFFFFFFFF, 0x07068302)                                                                          \
    X(PBA, 0x1000, 0xFFFF, 0x00100030)                                                                                 \
    X(FCRTL, 0x2160, 0x8000FFF8, 0)                                                                                    \
    X(FCRTH, 0x2168, 0xFFF8, 0)                                                                                        \
    X(RDBAL, 0x2800, 0xFFFFFFF0, 0)                                                                                    \
    X(RDBAH, 0x2804, 0xFFFFFFFF, 0)                                                                                    \
    X(RDLEN, 0x2808, 0xFFF80, 0)                                                                                       \
    X(RDTR, 0x2820, 0xFFFF, 0)                                                                                         \
    X(RXDCTL, 0x2828, 0x013F3F3F, 0x00010000)                                                                          \
    X(RADV, 0x282C, 0xFFFF, 0)                                                                                         \
    X(RSRPD, 0x2C00, 0xFFF, 0)                                                                                         \
    X(TXDMAC, 0x3000, 1, 0)                                                                                            \
    X(TDBAL, 0x3800, 0xFFFFFFF0, 0)                                                                                    \
    X(TDBAH, 0x3804, 0xFFFFFFFF, 0)                                                                                    \
    X(TDLEN, 0x3808, 0xFFF80, 0)                                                                                       \
    X(TIDV, 0x3820, 0xFFFF, 0)                                                                                         \
    X(TXDCTL, 0x3828, 0xFF3F3F3F, 0)                                                                                   \
    X(TADV, 0x382C, 0xFFFF, 0)                                                                                         \
    X(TSPMT, 0x3830, 0xFFFFFFFF, 0x01000400)                                                                           \
    X(RXCSUM, 0x5000, 0x7FF, 0)                                                                                        \
    X(WUC, 0x5800, 0xF, 0)                                                                                             \
    X(WUFC, 0x5808, 0x000F00FF, 0)                                                                                     \
    X(MANC, 0x5820, 0xFFFFFFFF, 0)                                                                                     \
    X(IPAV, 0x5838, 0x0001000F, 0)

enum e1000_register {
#define X(name, offset, mask, reset) E1000_##name,
    E1000_REGISTERS(X)
#undef X
        E1000_REGISTER_COUNT
};

enum { /* CTRL */
       CTRL_SLU = 1 << 6,
       CTRL_RST = 1 << 26,
       CTRL_VME = 1 << 30,
};
#define CTRL_PHY_RST 0x80000000u

enum { /* ICR, ICS, IMS, IMC */
       INT_TXDW = 1 << 0,
       INT_TXQE = 1 << 1,
       INT_LSC = 1 << 2,
       INT_RXDMT0 = 1 << 4,
       INT_RXO = 1 << 6,
       INT_RXT0 = 1 << 7,
       INT_MDAC = 1 << 9,
       INT_SRPD = 1 << 16,
       INT_ALL = 0x1E6DF /* causes this chip has */
};

enum { /* RCTL */
       RCTL_EN = 1 << 1,
       RCTL_UPE = 1 << 3,
       RCTL_MPE = 1 << 4,
       RCTL_LBM = 3 << 6,
       RCTL_BAM = 1 << 15,
       RCTL_VFE = 1 << 18,
       RCTL_BSEX = 1 << 25,
       RCTL_SECRC = 1 << 26,
};
enum { TCTL_EN = 1 << 1 };

/* Statistics, 4000h + 4 * index: SDM 13.7. */
enum e1000_stat {
    STAT_MPC = 4,
    STAT_PRC64 = 23,
    STAT_GPRC = 29,
    STAT_BPRC = 30,
    STAT_MPRC = 31,
    STAT_GPTC = 32,
    STAT_GORC = 34, /* 64 bits, as are GOTC, TOR, TOT */
    STAT_GOTC = 36,
    STAT_RNBC = 40,
    STAT_TOR = 48,
    STAT_TOT = 50,
    STAT_TPR = 52,
    STAT_TPT = 53,
    STAT_PTC64 = 54,
    STAT_MPTC = 60,
    STAT_BPTC = 61,
    STAT_TSCTC = 62,
    STAT_TSCTFC = 63,
    E1000_STATS = 64
};

enum { E1000_DESC_BYTES = 16, E1000_MTA = 128, E1000_VFTA = 128, E1000_ADDRESSES = 16 };
enum { E1000_VLAN_TAG = 4, E1000_FRAME_MAX = NET_FRAME_MAX + E1000_VLAN_TAG, E1000_HEADER_MAX = 256 };

/* Where checksums go and how to cut: a context descriptor, SDM 3.3.6. */
struct e1000_context {
    uint16_t ip_end, tcp_end, mss;
    uint8_t ip_start, ip_offset, tcp_start, tcp_offset, header_len;
    bool tcp, ipv4;
};

struct e1000_tx {
    struct e1000_context context[2]; /* [1]: of segmentation */
    /* The packet whose descriptors are being read. */
    bool open, dropping, segmenting;
    bool ip_sum, tcp_sum, vlan;
    uint16_t tag;
    uint32_t desc_done; /* bytes taken of the descriptor at TDH */
    uint32_t fill;      /* of frame */
    uint32_t segments;  /* sent of this packet */
    uint8_t frame[E1000_FRAME_MAX];
    uint8_t header[E1000_HEADER_MAX]; /* of the packet that is being cut, as the guest wrote it */
};

struct e1000_phy {
    uint16_t reg[32];
};

struct e1000 {
    struct pci_dev pci; /* first */
    struct dev_net *net;
    uint8_t mac[NET_MAC_BYTES];
    uint32_t reg[E1000_REGISTER_COUNT];
    uint32_t icr, ims, mdic, eerd, eecd, ioaddr;
    uint32_t stat[E1000_STATS];
    uint32_t mta[E1000_MTA], vfta[E1000_VFTA], ra[2 * E1000_ADDRESSES];
    struct eeprom93c46 eeprom;
    struct e1000_phy phy;
    struct e1000_tx tx;
    struct dev_timer tx_timer;  /* goes on with a long queue */
    struct dev_timer rx_timer;  /* RDTR, RADV */
    struct dev_timer itr_timer; /* the next interrupt is allowed then */
    uint64_t rx_first_ns;       /* first frame since rx_timer fired */
    uint64_t itr_next_ns;
    bool in_dma, in_tx;
};

/* ---- e1000.c ---- */
void e1000_cause(struct e1000 *s, uint32_t causes);
uint64_t e1000_now(struct e1000 *s);
bool e1000_read_memory(struct e1000 *s, uint64_t at, void *buf, size_t len);
void e1000_write_memory(struct e1000 *s, uint64_t at, const void *buf, size_t len);
/* Counts one frame of len bytes with its check sequence; first is STAT_PRC64 or STAT_PTC64. */
void e1000_count_size(struct e1000 *s, enum e1000_stat first, uint32_t len);
void e1000_count(struct e1000 *s, enum e1000_stat which);
void e1000_count_bytes(struct e1000 *s, enum e1000_stat low, uint32_t bytes);
/* Descriptors of a ring that RDLEN or TDLEN describes. */
static inline uint32_t e1000_ring_size(const struct e1000 *s, enum e1000_register len) {
    return s->reg[len] / E1000_DESC_BYTES;
}

/* ---- e1000_tx.c ---- */
/* Sends what lies between TDH and TDT, up to a bound of work; the rest follows by timer. */
void e1000_transmit(struct e1000 *s);
void e1000_tx_reset(struct e1000 *s);
void e1000_tx_state(struct e1000 *s, struct dev_state *st);

/* ---- e1000_rx.c ---- */
bool e1000_can_receive(void *opaque);
void e1000_receive(void *opaque, const uint8_t *frame, size_t len);
void e1000_rx_timer_fired(void *opaque, uint64_t now_ns);

/* ---- e1000_eeprom.c ---- */
void e1000_eeprom_fill(struct e1000 *s);
uint32_t e1000_read_eecd(struct e1000 *s);
void e1000_write_eecd(struct e1000 *s, uint32_t v);
void e1000_write_eerd(struct e1000 *s, uint32_t v);
void e1000_phy_reset(struct e1000 *s);
void e1000_write_mdic(struct e1000 *s, uint32_t v);
bool e1000_link_up(const struct e1000 *s);
bool e1000_loopback(const struct e1000 *s);
#endif
