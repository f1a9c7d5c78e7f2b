#include "console/run_machine.h"

#include <stdio.h>
#include "console/mgmt.h"

enum { ERROR_LINE = 512 };

int run_machine(struct run_options *r, const char *program) {
    char error[ERROR_LINE] = "out of memory";
    struct mgmt *g = mgmt_create(&r->mgmt, &r->config);
    int code = MON_EXIT_BAD_INPUT;
    if (g) {
        r->config.observer = mgmt_observer(g);
        code = mon_run(&r->config, error, sizeof error);
    }
    if (code == MON_EXIT_BAD_INPUT && error[0]) fprintf(stderr, "%s: %s\n", program, error);
    mgmt_destroy(g);
    return code;
}
