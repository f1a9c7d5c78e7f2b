/*
 * fuzz_file.c: whatever novt reads as a file: --parser=NAME.
 *
 * The parsers take names, so the input is put into a memfd and named through /proc.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "devemu/boot.h"
#include "devemu/fw_cfg.h"
#include "monitor/guess.h"
#include "monitor/script_internal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error is one line. */
static void check_message(bool ok, const char *text) {
    if (!ok && (!*text || strchr(text, '\n'))) abort();
}

static void parse_guess(const char *path) {
    struct mon_guess g = mon_guess(path);
    if (!*g.what || memchr(g.what, '\n', strnlen(g.what, sizeof g.what))) abort();
}

static void parse_script(const char *path) {
    struct script_program p = {0};
    char err[512] = "";
    bool ok = script_parse(&p, path, err, sizeof err);
    check_message(ok, err);
    script_program_free(&p);
}

static void load_kernel(const char *kernel, const char *module) {
    struct dev_host host = {.io = dev_io_create()};
    enum dev_status st;
    if (smmu_mem_create(1 << 20, 4096, &host.mem) != SMMU_OK) abort();
    struct dev *fw_cfg = dev_create(&fw_cfg_class, &host, &(struct fw_cfg_cfg){.cpus = 1}, &st);
    if (!fw_cfg) abort();
    const char *modules[] = {module, NULL};
    char err[512] = "";
    struct boot_config c = {.kernel = kernel, .initrds = module ? modules : NULL, .append = "x", .ram_size = 64 << 20};
    check_message(boot_load(fw_cfg, &c, err, sizeof err) == BOOT_OK, err);
    dev_destroy(fw_cfg);
    dev_io_destroy(host.io);
    smmu_mem_destroy(host.mem);
}
static void parse_kernel(const char *path) {
    load_kernel(path, NULL);
    load_kernel(path, path);
}

static const struct {
    const char *name;
    void (*parse)(const char *path);
} parsers[] = {{"guess", parse_guess}, {"script", parse_script}, {"kernel", parse_kernel}};
enum { PARSERS = sizeof parsers / sizeof parsers[0] };

static void (*parse)(const char *path);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[40];
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    parse(path);
    close(fd);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    for (int i = 1; i < *argc; i++) {
        const char *arg = (*argv)[i];
        for (int n = 0; n < PARSERS; n++) {
            if (!strcmp(arg, "--list")) puts(parsers[n].name);
            if (!strncmp(arg, "--parser=", 9) && !strcmp(arg + 9, parsers[n].name)) parse = parsers[n].parse;
        }
        if (!strcmp(arg, "--list")) exit(0);
    }
    if (parse) return 0;
    fprintf(stderr, "fuzz_file: --parser=NAME (--list names them)\n");
    exit(1);
}
