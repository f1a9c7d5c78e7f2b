/*
 * guess.h: what a file is: the format a disk image is kept in, and how a machine would boot it.
 *
 * Public, through monitor.h. Only looks at a few places of the file and trusts nothing in it. What the guest of a raw
 * image may write is recognized too: who opens an image by this probe has to keep the guest from changing the
 * answer (blk_raw.c does).
 */
#ifndef NOVT_MONITOR_GUESS_H
#define NOVT_MONITOR_GUESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mon_image_format {
    MON_FORMAT_AUTO, /* by the file's first and last bytes */
    MON_FORMAT_RAW,
    MON_FORMAT_QCOW2,
    MON_FORMAT_VMDK,
    MON_FORMAT_VDI,
    MON_FORMAT_VPC, /* "vhd" as well */
    MON_FORMAT_VHDX,
    MON_FORMATS
};

/* "auto", "raw", "qcow2", ... */
const char *mon_format_name(enum mon_image_format format);
/* MON_FORMATS: no format is called so. */
enum mon_image_format mon_format_parse(const char *name, size_t len);

enum { MON_PROBE_HEAD = 512, MON_PROBE_TAIL = 512 };
/* Of a file of this size: its first MON_PROBE_HEAD and its last MON_PROBE_TAIL bytes, as many as there are. Never AUTO.
 */
enum mon_image_format mon_format_probe(const uint8_t *head, size_t head_len, const uint8_t *tail, size_t tail_len,
                                       uint64_t size);
/* The same of an open file. Unreadable: RAW, whose reader will say what is wrong. */
enum mon_image_format mon_format_probe_fd(int fd);

enum mon_guess_kind {
    MON_GUESS_UNKNOWN, /* what[] says why */
    MON_GUESS_FLOPPY,
    MON_GUESS_CDROM,
    MON_GUESS_DISK,
    MON_GUESS_LINUX,     /* bzImage, for --kernel */
    MON_GUESS_MULTIBOOT, /* for --kernel */
};
struct mon_guess {
    enum mon_guess_kind kind;
    enum mon_image_format format; /* of a floppy, CD or disk */
    uint64_t bytes;               /* of the medium; 0: not known */
    char what[160];               /* such as "disk with 2 partitions (MBR), raw, 512 MiB", without the file's name */
};
struct mon_guess mon_guess(const char *path);
#endif
