/* opt_machine.c: memory, CPU, and when the run ends. */
#include <string.h>
#include "console/options.h"
#include "console/parse.h"

enum { MIB = 1 << 20 };

const char *opt_memory(struct run_options *r, const char *v) {
    return parse_size(v, MIB, &r->config.memory) ? NULL : "must be a size such as 256M or 1G";
}

const char *opt_cpu(struct run_options *r, const char *v) { return r->config.cpu = v, NULL; }
const char *opt_no_reboot(struct run_options *r, const char *v) { return (void)v, r->config.no_reboot = true, NULL; }
const char *opt_script(struct run_options *r, const char *v) { return r->config.script = opt_path(r, v), NULL; }

const char *opt_usb(struct run_options *r, const char *v) {
    r->config.usb_tablet = !strcmp(v, "tablet");
    r->config.usb = r->config.usb_tablet || !strcmp(v, "on");
    return r->config.usb || !strcmp(v, "off") ? NULL : "must be off, on or tablet";
}

const char *opt_timeout(struct run_options *r, const char *v) {
    return parse_seconds(v, &r->config.timeout_ms) ? NULL : "must be seconds such as 30 or 2.5";
}
