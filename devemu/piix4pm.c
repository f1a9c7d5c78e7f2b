/*
 * piix4pm.c: Intel 82371AB (PIIX4) function 3: power management.
 *
 * Source: Intel 82371AB datasheet (290562), ch. 7; ACPI specification 1.0, 4.7.
 * The PM register block and the SMBus block move with their base registers.
 * GPE0 at AFE0h, the CPU bitmap at AF00h and the (empty) PCI hot-plug block at
 * AE00h are where the DSDT built into SeaBIOS looks for them.
 */
#include "devemu/piix4pm.h"
#include <string.h>

enum {
    REG_PMBASE = 0x40,
    REG_DEVACTB_3 = 0x5B,
    REG_DEVRESC = 0x5F,
    REG_DEVRESE_3 = 0x63,
    REG_DEVRESG_3 = 0x67,
    REG_PMREGMISC = 0x80,
    REG_SMBBASE = 0x90,
    REG_SMBHSTCFG = 0xD2,

    PM_SIZE = 64,
    SMB_SIZE = 16,
    PM1_STS = 0,
    PM1_EN = 2,
    PM1_CNT = 4,
    PM_TMR = 8,
    PM1_TMR = 1 << 0,
    PM1_BM = 1 << 4,
    PM1_GBL = 1 << 5,
    PM1_PWRBTN = 1 << 8,
    PM1_RTC = 1 << 10,
    PM1_WAK = 1 << 15,
    PM1_STS_ALL = PM1_TMR | PM1_BM | PM1_GBL | PM1_PWRBTN | PM1_RTC | PM1_WAK,
    PM1_EN_ALL = PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC,
    CNT_SCI_EN = 1 << 0,
    CNT_SLP_EN = 1 << 13,
    CNT_SLP_TYP_SHIFT = 10,
    SLP_TYP_OFF = 0,
    SLP_TYP_DISK = 2, /* S5 and S4: power off */

    PORT_APM = 0xB2,
    APM_ACPI_ENABLE = 0xF1,
    APM_ACPI_DISABLE = 0xF0,
    PORT_GPE = 0xAFE0,
    PORT_CPUS = 0xAF00,
    CPUS_SIZE = 32,
    PORT_HOTPLUG = 0xAE00,
    HOTPLUG_SIZE = 16,

    SMB_STS = 0,
    SMB_CNT = 2,
    SMB_STS_DEV_ERR = 4,
    SMB_CNT_START = 0x40,

    PM_HZ = 3579545,
};
#define PM_TMR_MASK 0xFFFFFFu
#define PM_TMR_HALF 0x800000u /* TMR_STS: bit 23 has changed */
#define NS_PER_S    1000000000ull

struct piix4pm {
    struct pci_dev pci;
    struct dev_line sci;
    bool sci_level;
    unsigned cpus;
    uint16_t pm1_sts, pm1_en, pm1_cnt;
    uint64_t overflow_count; /* timer count, not cut to 24 bits, at which TMR_STS is set next */
    struct dev_timer timer;
    uint8_t apm[2], gpe[4], smb[SMB_SIZE];
    uint16_t pm_at, smb_at; /* 0: not mapped */
};

static struct piix4pm *to_pm(struct dev *d) { return (struct piix4pm *)d; }

/* ---- PM timer and SCI ---- */

/* Split so that no product overflows in centuries. */
static uint64_t count_at(uint64_t ns) { return ns / NS_PER_S * PM_HZ + ns % NS_PER_S * PM_HZ / NS_PER_S; }
static uint64_t ns_of_count(uint64_t count) {
    return count / PM_HZ * NS_PER_S + (count % PM_HZ * NS_PER_S + PM_HZ - 1) / PM_HZ;
}
static uint64_t pm_count(struct piix4pm *s) { return count_at(s->pci.dev.host->now_ns(s->pci.dev.host->opaque)); }

static void latch_overflow(struct piix4pm *s) {
    if (pm_count(s) >= s->overflow_count) s->pm1_sts |= PM1_TMR;
}
static void next_overflow(struct piix4pm *s) {
    s->overflow_count = (pm_count(s) & ~(uint64_t)(PM_TMR_HALF - 1)) + PM_TMR_HALF;
}

static void update_sci(struct piix4pm *s) {
    struct dev_host *h = s->pci.dev.host;
    latch_overflow(s);
    bool pm1 = s->pm1_sts & s->pm1_en & PM1_EN_ALL;
    bool gpe = (s->gpe[0] & s->gpe[2]) || (s->gpe[1] & s->gpe[3]);
    bool level = (s->pm1_cnt & CNT_SCI_EN) && (pm1 || gpe);
    if (level != s->sci_level) {
        s->sci_level = level;
        dev_line_set(&s->sci, level);
    }
    if ((s->pm1_en & PM1_TMR) && !(s->pm1_sts & PM1_TMR))
        h->timer_arm(h->opaque, &s->timer, ns_of_count(s->overflow_count));
    else
        h->timer_cancel(h->opaque, &s->timer);
}

static void timer_fired(void *opaque, uint64_t now_ns) {
    (void)now_ns;
    update_sci(opaque);
}

bool piix4pm_power_button(struct dev *d) {
    struct piix4pm *s = to_pm(d);
    if (!(s->pm1_cnt & CNT_SCI_EN) || !(s->pm1_en & PM1_PWRBTN)) return false;
    s->pm1_sts |= PM1_PWRBTN;
    update_sci(s);
    return true;
}

/* ---- The PM register block ---- */

static void put(uint8_t *p, unsigned size, uint32_t v) {
    for (unsigned i = 0; i < size; i++) p[i] = (uint8_t)(v >> (8 * i));
}
static uint32_t get(const uint8_t *p, unsigned size) {
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static uint32_t pm_read(void *opaque, uint16_t port, unsigned size) {
    struct piix4pm *s = opaque;
    unsigned at = (uint16_t)(port - s->pm_at);
    if (at == PM_TMR && size == 4) return (uint32_t)pm_count(s) & PM_TMR_MASK;
    uint8_t block[PM_SIZE + 4] = {0};
    latch_overflow(s);
    put(block + PM1_STS, 2, s->pm1_sts);
    put(block + PM1_EN, 2, s->pm1_en);
    put(block + PM1_CNT, 2, s->pm1_cnt);
    put(block + PM_TMR, 4, (uint32_t)pm_count(s) & PM_TMR_MASK);
    return get(block + at, size);
}

static void enter_sleep(struct piix4pm *s) {
    struct dev_host *h = s->pci.dev.host;
    unsigned type = s->pm1_cnt >> CNT_SLP_TYP_SHIFT & 7;
    if (type == SLP_TYP_OFF || type == SLP_TYP_DISK) {
        h->request(h->opaque, DEV_REQ_POWEROFF, 0);
        return;
    }
    /* No other sleep state is offered to guests: whoever tries is woken at once. */
    s->pm1_sts |= PM1_WAK;
    if (h->log) h->log(h->opaque, "piix4pm", "sleep type %u is not there", type);
}

static void write_status(struct piix4pm *s, uint16_t clear) {
    latch_overflow(s);
    if ((s->pm1_sts & clear) & PM1_TMR) next_overflow(s);
    s->pm1_sts &= (uint16_t)~clear;
}

static void write_control(struct piix4pm *s, uint16_t v) {
    /* SCI_EN normally comes through the APM port, but PIIX4 lets the register be written too. */
    s->pm1_cnt = v & (uint16_t)~CNT_SLP_EN;
    if (v & CNT_SLP_EN) enter_sleep(s);
}

static void pm_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct piix4pm *s = opaque;
    unsigned at = (uint16_t)(port - s->pm_at);
    /* Bytes that are not written: clear no status, keep the rest. */
    uint8_t block[PM_SIZE + 4] = {0};
    put(block + PM1_EN, 2, s->pm1_en);
    put(block + PM1_CNT, 2, s->pm1_cnt);
    put(block + at, size, value);
    uint16_t clear = (uint16_t)get(block + PM1_STS, 2);
    if (clear) write_status(s, clear & PM1_STS_ALL);
    s->pm1_en = (uint16_t)get(block + PM1_EN, 2) & PM1_EN_ALL;
    if (at < PM1_CNT + 2 && at + size > PM1_CNT) write_control(s, (uint16_t)get(block + PM1_CNT, 2));
    update_sci(s);
}
static const struct dev_io_ops pm_ops = {.name = "acpi-pm", .read = pm_read, .write = pm_write, .keeps_fpu = true};

/* ---- SMBus: a host controller, no slave answers ---- */

static uint32_t smb_read(void *opaque, uint16_t port, unsigned size) {
    const struct piix4pm *s = opaque;
    (void)size;
    return s->smb[(port - s->smb_at) & (SMB_SIZE - 1)];
}
static void smb_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct piix4pm *s = opaque;
    unsigned at = (port - s->smb_at) & (SMB_SIZE - 1u);
    (void)size;
    if (at == SMB_STS) {
        s->smb[SMB_STS] &= (uint8_t)~value;
        return;
    }
    s->smb[at] = (uint8_t)value;
    if (at != SMB_CNT) return;
    s->smb[SMB_CNT] &= (uint8_t)~SMB_CNT_START;
    if (value & SMB_CNT_START) s->smb[SMB_STS] |= SMB_STS_DEV_ERR;
}
static const struct dev_io_ops smb_ops = {.name = "smbus", .read = smb_read, .write = smb_write, .byte_only = true};

/* ---- Fixed ports ---- */

static uint32_t apm_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return ((struct piix4pm *)opaque)->apm[port - PORT_APM];
}
static void apm_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct piix4pm *s = opaque;
    (void)size;
    s->apm[port - PORT_APM] = (uint8_t)value;
    if (port != PORT_APM) return;
    if (value == APM_ACPI_ENABLE) s->pm1_cnt |= CNT_SCI_EN;
    if (value == APM_ACPI_DISABLE) s->pm1_cnt &= (uint16_t)~CNT_SCI_EN;
    update_sci(s);
}
static const struct dev_io_ops apm_ops = {.name = "apm", .read = apm_read, .write = apm_write, .byte_only = true};

static uint32_t gpe_read(void *opaque, uint16_t port, unsigned size) {
    (void)size;
    return ((struct piix4pm *)opaque)->gpe[port - PORT_GPE];
}
static void gpe_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct piix4pm *s = opaque;
    unsigned at = port - PORT_GPE;
    (void)size;
    if (at < 2)
        s->gpe[at] &= (uint8_t)~value;
    else
        s->gpe[at] = (uint8_t)value;
    update_sci(s);
}
static const struct dev_io_ops gpe_ops = {.name = "gpe0", .read = gpe_read, .write = gpe_write, .byte_only = true};

static uint32_t cpus_read(void *opaque, uint16_t port, unsigned size) {
    const struct piix4pm *s = opaque;
    unsigned first = 8u * (port - PORT_CPUS);
    (void)size;
    if (s->cpus >= first + 8) return 0xFF;
    return s->cpus > first ? (1u << (s->cpus - first)) - 1 : 0;
}
static uint32_t zero_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    return 0;
}
static void no_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)opaque, (void)port, (void)size, (void)value;
}
static const struct dev_io_ops cpus_ops = {
    .name = "acpi-cpus", .read = cpus_read, .write = no_write, .byte_only = true};
static const struct dev_io_ops hotplug_ops = {
    .name = "acpi-pci", .read = zero_read, .write = no_write, .byte_only = true};

/* ---- Moving blocks ---- */

static void move_block(struct piix4pm *s, uint16_t *at, uint16_t want, uint32_t size, const struct dev_io_ops *ops) {
    struct dev_host *h = s->pci.dev.host;
    if (*at == want) return;
    if (*at) dev_io_unmap(h->io, *at, size);
    *at = want;
    if (!want || dev_io_map(h->io, want, size, ops, s) == DEV_OK) return;
    *at = 0;
    if (h->log) h->log(h->opaque, "piix4pm", "%s cannot move to port %04x: taken", ops->name, want);
}

static void place_blocks(struct piix4pm *s) {
    const struct pci_dev *pd = &s->pci;
    bool pm_on = pd->config[REG_PMREGMISC] & 1;
    bool smb_on = pd->config[REG_SMBHSTCFG] & 1;
    move_block(s, &s->pm_at, pm_on ? pci_get16(pd, REG_PMBASE) & 0xFFC0 : 0, PM_SIZE, &pm_ops);
    move_block(s, &s->smb_at, smb_on ? pci_get16(pd, REG_SMBBASE) & 0xFFF0 : 0, SMB_SIZE, &smb_ops);
}

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    (void)offset, (void)size;
    place_blocks((struct piix4pm *)pd);
}

/* ---- The device ---- */

static enum dev_status map_ports(struct piix4pm *s) {
    struct dev_io_bus *io = s->pci.dev.host->io;
    enum dev_status st = dev_io_map(io, PORT_APM, 2, &apm_ops, s);
    if (st == DEV_OK) st = dev_io_map(io, PORT_GPE, sizeof s->gpe, &gpe_ops, s);
    if (st == DEV_OK) st = dev_io_map(io, PORT_CPUS, CPUS_SIZE, &cpus_ops, s);
    if (st == DEV_OK) st = dev_io_map(io, PORT_HOTPLUG, HOTPLUG_SIZE, &hotplug_ops, s);
    return st;
}

static void set_config(struct piix4pm *s, const struct piix4pm_cfg *c) {
    struct pci_dev *pd = &s->pci;
    pci_set16(pd, PCI_STATUS, 0x0280);
    pci_wmask(pd, PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MASTER);
    pci_set32(pd, REG_PMBASE, 1);
    pci_wmask(pd, REG_PMBASE, 4, 0xFFC0);
    for (unsigned r = 0x44; r < REG_PMREGMISC; r++) pci_wmask(pd, r, 1, 0xFF);
    pci_set8(pd, REG_DEVACTB_3, 0x02); /* APMC_EN: SMM needs no set-up by firmware */
    pci_set8(pd, REG_DEVRESC, (uint8_t)(0x10 | (c->parallel ? 0x80 : 0)));
    pci_set8(pd, REG_DEVRESE_3, 0x60);
    pci_set8(pd, REG_DEVRESG_3, (uint8_t)((c->serial1 ? 0x08 : 0) | (c->serial2 ? 0x90 : 0)));
    pci_wmask(pd, REG_PMREGMISC, 1, 0x01);
    pci_set32(pd, REG_SMBBASE, 1);
    pci_wmask(pd, REG_SMBBASE, 4, 0xFFF0);
    pci_wmask(pd, REG_SMBHSTCFG, 1, 0x0F);
    pci_wmask(pd, REG_SMBHSTCFG + 1, 3, 0xFFFFFF);
    pd->config_written = config_written;
    pci_dev_ready(pd);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    static const struct pci_id id = {
        .vendor = 0x8086,
        .device = 0x7113,
        .subsys_vendor = 0x1AF4,
        .subsys = 0x1100,
        .class_code = 0x068000,
        .revision = 3,
        .int_pin = 1,
    };
    struct piix4pm *s = to_pm(d);
    const struct piix4pm_cfg *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    enum dev_status st = pci_dev_init(&s->pci, c->bus, PCI_DEVFN(1, 3), &id);
    if (st != DEV_OK) return st;
    s->sci = c->sci;
    s->cpus = c->cpus ? c->cpus : 1;
    s->timer.fn = timer_fired;
    s->timer.opaque = s;
    s->overflow_count = PM_TMR_HALF;
    set_config(s, c);
    st = map_ports(s);
    if (st != DEV_OK) pci_dev_fini(&s->pci);
    return st;
}

static void reset(struct dev *d) {
    struct piix4pm *s = to_pm(d);
    pci_dev_reset(&s->pci);
    s->pm1_sts = s->pm1_en = s->pm1_cnt = 0;
    memset(s->apm, 0, sizeof s->apm);
    memset(s->gpe, 0, sizeof s->gpe);
    memset(s->smb, 0, sizeof s->smb);
    next_overflow(s);
    place_blocks(s);
    update_sci(s);
}

static void state(struct dev *d, struct dev_state *st) {
    struct piix4pm *s = to_pm(d);
    pci_dev_state(&s->pci, st);
    dev_state_bool(st, &s->sci_level);
    DEV_STATE(st, s->pm1_sts);
    DEV_STATE(st, s->pm1_en);
    DEV_STATE(st, s->pm1_cnt);
    DEV_STATE(st, s->overflow_count);
    DEV_STATE(st, s->apm);
    DEV_STATE(st, s->gpe);
    DEV_STATE(st, s->smb);
    if (st->saving || st->failed) return;
    place_blocks(s);
    update_sci(s);
}

static void destroy(struct dev *d) {
    struct piix4pm *s = to_pm(d);
    if (!s->pci.bus) return;
    d->host->timer_cancel(d->host->opaque, &s->timer);
    if (s->pm_at) dev_io_unmap(d->host->io, s->pm_at, PM_SIZE);
    if (s->smb_at) dev_io_unmap(d->host->io, s->smb_at, SMB_SIZE);
    pci_dev_fini(&s->pci);
    dev_io_unmap(d->host->io, PORT_APM, 2);
    dev_io_unmap(d->host->io, PORT_GPE, sizeof s->gpe);
    dev_io_unmap(d->host->io, PORT_CPUS, CPUS_SIZE);
    dev_io_unmap(d->host->io, PORT_HOTPLUG, HOTPLUG_SIZE);
}

const struct dev_class piix4pm_class = {
    .name = "piix4pm",
    .instance_size = sizeof(struct piix4pm),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
