/* gdb_internal.h: shared by gdb*.c. */
#ifndef NOVT_MONITOR_GDB_INTERNAL_H
#define NOVT_MONITOR_GDB_INTERNAL_H

#include "monitor/gdb.h"
#include "monitor/machine.h"

enum { GDB_PACKET_MAX = 8192, GDB_DATA_MAX = 3072, GDB_POINTS = 256, GDB_WATCHES = 32, GDB_WATCH_LEN_MAX = 4096 };
enum { GDB_REGISTERS = 51, GDB_IMAGE = 348 };
enum { GDB_SIGINT = 2, GDB_SIGTRAP = 5 };

/* What the vCPU thread is asked to do. */
enum gdb_op {
    GDB_STOP,
    GDB_CONTINUE,
    GDB_STEP,
    GDB_READ_REGISTERS,
    GDB_WRITE_REGISTERS,
    GDB_WRITE_REGISTER,
    GDB_READ,
    GDB_WRITE,
    GDB_INSERT,
    GDB_REMOVE,
    GDB_DETACH, /* forget all points; go on if `go` */
    GDB_KILL,
};
struct gdb_request {
    struct gdb *g;
    enum gdb_op op;
    uint32_t at, len; /* memory; at: register number; INSERT, REMOVE: address and length */
    unsigned type;    /* of a point, as in Z packets */
    bool go, ok;
    uint8_t data[GDB_DATA_MAX];
};

struct gdb_point {
    unsigned type;
    uint32_t at, len;
};

/* Why the machine stopped. */
struct gdb_stop {
    int signal;
    int watch; /* type of the watchpoint that was hit, 0: none */
    uint32_t at;
};

struct gdb {
    struct machine *m;
    /* the thread's */
    pthread_t thread;
    bool started;
    int listen_fd, client, quit_fd, stop_fd; /* stop_fd: an eventfd, written at a stop */
    char unix_path[108];
    bool waiting; /* the client waits for a stop */
    bool no_ack, was_running, gone;
    char in[GDB_PACKET_MAX + 1], out[2 * GDB_PACKET_MAX + 8];
    size_t in_len, out_len;
    int state;
    uint8_t sum;
    bool too_long;
    char sum_digit;
    int exit_code;
    /* the vCPU thread's, stop: both's, in turns */
    struct gdb_point points[GDB_POINTS];
    unsigned n_points, n_watches;
    bool stepping, skipping; /* skipping: the instruction at skip_at runs although there is a breakpoint */
    uint32_t skip_at;
    struct gdb_stop stop;
};

/* gdb_machine.c: on the vCPU thread. */
mailbox_fn gdb_do;
/* gdb_registers.c: the registers in gdb's order. Parked. */
void gdb_get_registers(struct vcpu *v, uint8_t image[GDB_IMAGE]);
/* False: this one cannot be written. */
bool gdb_set_register(struct vcpu *v, unsigned n, const uint8_t *value);
unsigned gdb_register_size(unsigned n);
unsigned gdb_register_offset(unsigned n);
extern const char gdb_target_xml[];
/* gdb_command.c: one whole packet; the answer is sent. */
void gdb_command(struct gdb *g, char *packet, size_t len);
void gdb_interrupt(struct gdb *g);
void gdb_send_stop(struct gdb *g);
void gdb_forget(struct gdb *g); /* the client is gone */
/* gdb.c */
void gdb_send(struct gdb *g, const char *text, size_t len);
#endif
