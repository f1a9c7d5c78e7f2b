/*
 * boot.h: starting a kernel directly: what the command line names becomes fw_cfg
 * files that our boot ROM (bootrom.asm) acts on after the firmware's POST.
 *
 * Formats: Linux boot protocol 2.00 and later (bzImage, zImage, memtest86+) and
 * Multiboot 1 (ELF32 or address fields). Callers: the board, once, before the
 * run. A refused input leaves one line in errbuf and fw_cfg as it was.
 */
#ifndef NOVT_DEVEMU_BOOT_H
#define NOVT_DEVEMU_BOOT_H

#include <stddef.h>
#include <stdint.h>

struct dev;

enum boot_status {
    BOOT_OK,
    BOOT_BAD_FILE,     /* missing, unreadable, a directory, empty */
    BOOT_BAD_FORMAT,   /* not a kernel we know, truncated, inconsistent */
    BOOT_TOO_BIG,      /* does not fit into guest memory */
    BOOT_BAD_ARGUMENT, /* command line or module list */
    BOOT_NO_MEMORY,    /* of the host, or fw_cfg is full */
};

struct boot_config {
    const char *kernel;
    /* NULL-terminated, may be NULL. Linux: files, joined into one initrd. Multiboot: "file args", and
     * each string may hold several modules separated by commas (",," is a comma). */
    const char *const *initrds;
    const char *append; /* may be NULL */
    uint64_t ram_size;
    const char *boot_order; /* further lines of firmware's boot order, each ending in \n; may be NULL */
};

/* Adds "novt/boot", "genroms/novtboot.rom" and "bootorder" to fw_cfg. */
enum boot_status boot_load(struct dev *fw_cfg, const struct boot_config *c, char *errbuf, size_t errlen);

/* Reads a regular file of 1..max bytes into a malloc'd block: for firmware images too. */
enum boot_status boot_read_file(const char *path, size_t max, void **data, size_t *len, char *errbuf, size_t errlen);
#endif
