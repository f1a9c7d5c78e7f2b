#include "console/image_arg.h"

#include <stdlib.h>
#include <string.h>
#include "console/command.h"
#include "console/options.h"
#include "monitor/guess.h"

static const struct {
    const char *option, *boot;
} as[] = {
    [MON_GUESS_FLOPPY] = {"floppy", "a"}, [MON_GUESS_CDROM] = {"cdrom", "d"},       [MON_GUESS_DISK] = {"disk", "c"},
    [MON_GUESS_LINUX] = {"kernel", NULL}, [MON_GUESS_MULTIBOOT] = {"kernel", NULL},
};

const char *opt_double_commas(struct run_options *r, const char *text) {
    size_t n = strlen(text);
    char *out = malloc(2 * n + 1), *p = out;
    if (!out) return text;
    for (; *text; *p++ = *text++)
        if (*text == ',') *p++ = ',';
    *p = 0;
    const char *copy = opt_copy(r, out, strlen(out));
    free(out);
    return copy;
}

int image_arg_take(struct run_options *r, const char *path) {
    struct mon_guess g = mon_guess(path);
    if (g.kind == MON_GUESS_UNKNOWN || !as[g.kind].option) {
        fprintf(stderr, "novt: %s: %s\n", path, g.what);
        return CON_USAGE;
    }
    const char *boot = as[g.kind].boot;
    const char *wrong = run_option_set(r, as[g.kind].option, boot ? opt_double_commas(r, path) : path);
    if (!wrong && boot) wrong = run_option_set(r, "boot", boot);
    if (wrong) {
        fprintf(stderr, "novt: %s: %s\n", path, wrong);
        return CON_USAGE;
    }
    fprintf(stderr, "novt: %s is a %s: run as --%s%s%s\n", path, g.what, as[g.kind].option, boot ? " --boot " : "",
            boot ? boot : "");
    return 0;
}
