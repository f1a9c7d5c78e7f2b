/*
 * desc.h: the bits of descriptors, selectors and gates.
 *
 * Callers: monitor's segment, far-transfer, exception and task code. Pure
 * functions. Manual: SDM vol. 3 "Segment Descriptors", "System Descriptor Types".
 */
#ifndef NOVT_MONITOR_DESC_H
#define NOVT_MONITOR_DESC_H

#include "bt/bt.h"

/* The eight bytes of a descriptor, as two little-endian words. */
struct mon_desc {
    uint32_t lo, hi;
};

/* Types of system descriptors (S = 0). */
enum mon_sys_type {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK_GATE = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15,
};
enum { SYS_BUSY_BIT = 2 };

/* Attribute words of segments whose descriptor is implied. */
enum {
    ATTR_REAL = 0x93,                        /* present, DPL 0, read/write data, accessed */
    ATTR_V86 = 0xF3,                         /* the same with DPL 3 */
    ATTR_KEEP_REAL = BT_ATTR_DB | BT_ATTR_G, /* survive a load in real mode (unreal mode) */
};

/* Selectors: bits 0-1 RPL, 2 table, 3-15 index. */
static inline bool sel_null(uint16_t sel) { return (sel & 0xFFFC) == 0; }
static inline unsigned sel_rpl(uint16_t sel) { return sel & 3u; }
static inline bool sel_ldt(uint16_t sel) { return (sel & 4) != 0; }
static inline uint32_t sel_error(uint16_t sel) { return sel & 0xFFFCu; }

static inline uint32_t desc_base(const struct mon_desc *d) {
    return d->lo >> 16 | (d->hi & 0xFFu) << 16 | (d->hi & 0xFF000000u);
}
static inline uint32_t desc_limit(const struct mon_desc *d) {
    uint32_t limit = (d->lo & 0xFFFFu) | (d->hi & 0xF0000u);
    return d->hi & 1u << 23 ? limit << 12 | 0xFFFu : limit;
}
static inline uint16_t desc_attr(const struct mon_desc *d) { return (uint16_t)(d->hi >> 8 & 0xF0FFu); }
static inline unsigned desc_dpl(const struct mon_desc *d) { return d->hi >> 13 & 3u; }
static inline bool desc_present(const struct mon_desc *d) { return (d->hi & 1u << 15) != 0; }
static inline bool desc_system(const struct mon_desc *d) { return !(d->hi & 1u << 12); }
static inline unsigned desc_type(const struct mon_desc *d) { return d->hi >> 8 & 15u; }

static inline unsigned attr_dpl(uint16_t attr) { return attr >> BT_ATTR_DPL_SHIFT & 3u; }
static inline unsigned attr_type(uint16_t attr) { return attr & 15u; }
static inline bool attr_code(uint16_t a) { return (a & (BT_ATTR_S | BT_ATTR_CODE)) == (BT_ATTR_S | BT_ATTR_CODE); }
static inline bool attr_data(uint16_t a) { return (a & (BT_ATTR_S | BT_ATTR_CODE)) == BT_ATTR_S; }
static inline bool attr_conforming(uint16_t a) { return attr_code(a) && (a & BT_ATTR_EXPAND_DOWN); }
static inline bool attr_expand_down(uint16_t a) { return attr_data(a) && (a & BT_ATTR_EXPAND_DOWN); }
static inline bool attr_writable(uint16_t a) { return attr_data(a) && (a & BT_ATTR_RW); }
static inline bool attr_readable(uint16_t a) { return attr_data(a) || (attr_code(a) && (a & BT_ATTR_RW)); }

/* Gates: SDM vol. 3 "Call Gates", "IDT Descriptors". */
static inline uint16_t gate_selector(const struct mon_desc *d) { return (uint16_t)(d->lo >> 16); }
static inline unsigned gate_params(const struct mon_desc *d) { return d->hi & 31u; }
static inline bool gate_is32(const struct mon_desc *d) { return (desc_type(d) & 8) != 0; }
static inline uint32_t gate_offset(const struct mon_desc *d) {
    uint32_t low = d->lo & 0xFFFFu;
    return gate_is32(d) ? (d->hi & 0xFFFF0000u) | low : low;
}
#endif
