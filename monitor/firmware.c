#include "monitor/firmware.h"

#include <stdio.h>
#include "devemu/boot.h"
#include "devemu/fw_cfg.h"
#include "monitor/bootorder.h"
#include "monitor/cmos.h"
#include "monitor/drives.h"
#include "monitor/machine.h"
#include "monitor/smbios.h"

enum { PORT_SERIAL = 0x3F8 };

static void fill_cmos(struct machine *m, struct dev *rtc, unsigned cpus) {
    const struct mon_config *c = m->cfg;
    struct cmos_drives drives;
    drives_describe_cmos(m->drives, &drives);
    cmos_fill(rtc, c->memory, cpus, &drives);
    cmos_fill_boot_order(rtc, c->boot.once ? c->boot.once : c->drives.boot);
}

static bool load_kernel(struct machine *m, struct dev *fw_cfg, char *errbuf, size_t errlen) {
    const struct mon_config *c = m->cfg;
    struct boot_config boot = {.kernel = c->kernel, .initrds = c->initrds, .append = c->append, .ram_size = c->memory};
    return boot_load(fw_cfg, &boot, errbuf, errlen) == BOOT_OK;
}

bool firmware_prepare(struct machine *m, struct dev *rtc, struct dev *fw_cfg, unsigned cpus, char *errbuf,
                      size_t errlen) {
    const struct mon_config *c = m->cfg;
    fill_cmos(m, rtc, cpus);
    if (c->boot.menu_ms) fw_cfg_add_number(fw_cfg, "etc/boot-menu-wait", c->boot.menu_ms, 2);
    if (bootorder_describe(fw_cfg, c) != DEV_OK) {
        snprintf(errbuf, errlen, "boot: the firmware cannot take the order");
        return false;
    }
    if (smbios_describe(fw_cfg, &c->smbios) != DEV_OK) {
        snprintf(errbuf, errlen, "smbios: the firmware cannot take that much");
        return false;
    }
    if (c->kernel) return load_kernel(m, fw_cfg, errbuf, errlen);
    /* Nobody looks at the screen: the firmware's text goes to the serial port as well. */
    if (c->display.kind == MON_DISPLAY_NONE && c->serials && c->serial[0].kind != MON_CHR_NONE)
        fw_cfg_add_number(fw_cfg, "etc/sercon-port", PORT_SERIAL, 2);
    return true;
}

void firmware_rebooted(struct machine *m, struct dev *rtc) {
    if (m->cfg->boot.once) cmos_fill_boot_order(rtc, m->cfg->drives.boot);
}
