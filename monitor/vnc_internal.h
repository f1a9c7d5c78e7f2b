/*
 * vnc_internal.h: the VNC server (vnc.c: listening, clients' bytes), the
 * protocol's messages (vnc_protocol.c) and pictures (vnc_update.c, and vnc_encode.c on a thread of its own).
 *
 * Source: RFC 6143, "The Remote Framebuffer Protocol". All but vnc_encode runs on the vCPU
 * thread; sockets never block; a client that does not read gets no new pictures
 * until it has read the last.
 */
#ifndef NOVT_MONITOR_VNC_INTERNAL_H
#define NOVT_MONITOR_VNC_INTERNAL_H

#include <zlib.h>
#include "devemu/vga.h"
#include "monitor/events.h"
#include "monitor/screen.h"

struct machine;
struct mon_display;
struct vnc;

enum { VNC_CLIENTS = 8, VNC_IN_BYTES = 4096, VNC_CHALLENGE = 16 };

enum vnc_stream { VNC_STREAM_ZLIB, VNC_STREAM_ZRLE, VNC_STREAM_TIGHT, VNC_STREAMS };
enum vnc_phase { VNC_VERSION, VNC_SECURITY, VNC_AUTH, VNC_INIT, VNC_RUNNING };

struct vnc_format {
    uint8_t bytes, big_endian; /* of a pixel */
    uint8_t depth;
    bool mapped;      /* colour map: ours, of 3, 3 and 2 bits */
    uint8_t shift[3]; /* red, green, blue */
    uint16_t max[3];
};

struct vnc_buffer {
    uint8_t *data;
    size_t len, cap;
    bool failed;
};

/* What an update is made with; the thread's own copy, as messages may change the client's. */
struct vnc_coding {
    struct vnc_format format;
    bool zlib, zrle, tight, all;
    unsigned width, height; /* as the client knows it */
    size_t head;            /* of the update in `out` */
    unsigned count;         /* rectangles so far */
};

struct vnc_client {
    struct vnc *server;
    struct events_source src; /* fd -1: free */
    enum vnc_phase phase;
    unsigned minor; /* protocol 3.x */
    uint8_t challenge[VNC_CHALLENGE];
    uint8_t in[VNC_IN_BYTES];
    size_t in_len;
    uint64_t skip; /* bytes of a message nobody wants */
    struct vnc_buffer out;
    size_t out_sent;
    bool closing; /* once everything is sent */
    /* Pictures */
    struct vnc_format format;
    bool can_resize, can_extended_size, can_zlib, can_zrle, can_tight, can_key_codes; /* what it understands */
    bool wanted, wanted_all;
    bool tell_size, refuse_size, tell_key_codes, tell_map; /* goes out with the next update */
    uint64_t version;                                      /* of the picture it has */
    uint64_t number;                                       /* in order of arrival */
    unsigned width, height;                                /* as the client knows it */
    struct screen_image shown;                             /* what it has */
    bool encoding;                                         /* the encoder works for it */
    bool gone;                                             /* dropped, but for what the encoder holds */
    struct vnc_coding coding;
    z_stream stream[VNC_STREAMS];
    bool stream_on[VNC_STREAMS];
    unsigned buttons; /* as RFB has them */
};

struct vnc_encoder {
    pthread_t thread;
    bool started, quit;
    bool clients[VNC_CLIENTS]; /* of the job */
    int start_fd;
    struct events_source done;
    bool busy; /* there is a job; this and what follows is the vCPU thread's */
    uint64_t started_ns, rest_until_ns;
};

struct vnc {
    struct machine *m;
    struct mon_display *display; /* itself */
    const char *password;        /* NULL: none */
    struct vnc_encoder encoder;
    struct events_source listener;
    struct vnc_client client[VNC_CLIENTS];
    struct screen_image image;
    struct vga_seen seen;
    uint64_t version, accepted; /* of image; clients so far */
};

/* ---- Bytes out (vnc.c) ---- */
void vnc_put(struct vnc_buffer *b, const void *data, size_t len);
void vnc_put8(struct vnc_buffer *b, uint8_t v);
void vnc_put16(struct vnc_buffer *b, uint16_t v);
void vnc_put32(struct vnc_buffer *b, uint32_t v);
static inline void vnc_set32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

void vnc_drop(struct vnc_client *c);

/* ---- Messages (vnc_protocol.c) ---- */
void vnc_greet(struct vnc_client *c);
/* Takes one message from c->in. Returns its length, 0 if it is not complete. */
size_t vnc_take_message(struct vnc_client *c);

/* ---- Pictures (vnc_update.c, vnc_zrle.c, vnc_tight.c) ---- */
struct vnc_rect {
    unsigned x, y, w, h;
};
void vnc_put_pixel(struct vnc_buffer *b, const struct vnc_format *f, uint32_t rgb);
/* The colours of a rectangle, in order of appearance. */
enum { VNC_PALETTE_MAX = 16 };
struct vnc_palette {
    uint32_t colour[VNC_PALETTE_MAX];
    unsigned n; /* VNC_PALETTE_MAX + 1: too many */
};
void vnc_palette_collect(struct vnc_palette *p, const struct screen_image *im, const struct vnc_rect *r);
unsigned vnc_palette_find(const struct vnc_palette *p, uint32_t colour);
/* Compresses `raw` so that all of it can be read from what is added to b. */
void vnc_pack(struct vnc_buffer *b, z_stream *z, const struct vnc_buffer *raw);
/* Tight encoding of such a rectangle, for formats that it knows. */
bool vnc_tight_fits(const struct vnc_format *f);
void vnc_put_tight(struct vnc_buffer *b, z_stream *z, const struct screen_image *im, const struct vnc_rect *r);
/* Pixels of a rectangle of at most 64x64, as ZRLE packs them before compression. */
void vnc_put_zrle(struct vnc_buffer *b, const struct vnc_format *f, const struct screen_image *im,
                  const struct vnc_rect *r);
/* Begins an update if the client asked for one and there is news; c->encoding tells. */
void vnc_begin_update(struct vnc_client *c, const struct screen_image *im);
/* The encoder's part: what differs from what the client has. */
void vnc_encode(struct vnc_client *c, const struct screen_image *im);
/* It is complete, or empty. */
void vnc_end_update(struct vnc_client *c);

/* ---- The encoder (vnc_encode.c) ---- */
bool vnc_encoder_open(struct vnc *v); /* false: errno may tell */
/* It may have another job. Half of its time it rests, for hosts that have no processor to spare. */
bool vnc_encoder_idle(const struct vnc *v);
/* Encodes for the clients that have begun an update, if any. */
void vnc_encoder_start(struct vnc *v);
void vnc_encoder_close(struct vnc *v); /* waits for the thread */
/* A job has ended (vnc.c). */
void vnc_encoded(struct vnc *v);
#endif
