#include "devemu/usb_tablet.h"

#include <string.h>

/* Class requests, HID 1.11, 7.2; and the class descriptors of 7.1.1. */
enum {
    GET_INTERFACE_DESCRIPTOR = 0x8106,
    GET_REPORT = 0xA101,
    GET_IDLE = 0xA102,
    GET_PROTOCOL = 0xA103,
    SET_REPORT = 0x2109,
    SET_IDLE = 0x210A,
    SET_PROTOCOL = 0x210B,
};
enum { DESC_DEVICE = 1, DESC_CONFIG = 2, DESC_STRING = 3, DESC_HID = 0x21, DESC_REPORT = 0x22 };
enum { REPORT_BYTES = 6, QUEUE = 16, IDLE_UNIT_NS = 4000000 };

struct event {
    uint16_t x, y;
    int8_t wheel;
    uint8_t buttons;
};

struct usb_tablet {
    struct dev dev; /* first */
    struct usb_device usb;
    struct event now;          /* as reported last */
    struct event queue[QUEUE]; /* not yet reported */
    uint8_t count;
    uint8_t idle; /* of 4 ms; 0: report only what changed */
    uint8_t protocol;
    bool polled;
    uint64_t reported_ns;
};

static struct usb_tablet *to_tablet(struct dev *d) { return (struct usb_tablet *)d; }
static struct usb_tablet *of_usb(struct usb_device *u) {
    return (struct usb_tablet *)((char *)u - offsetof(struct usb_tablet, usb));
}

/* ---- Descriptors ---- */

static const uint8_t device_desc[] = {
    18,   DESC_DEVICE, 0x10, 0x01, /* USB 1.1 */
    0,    0,           0,          /* class: of the interface */
    8,                             /* packet size of endpoint 0 */
    0x27, 0x06,        0x01, 0x00, /* the ids of the tablet that systems have power rules for */
    0x00, 0x01,                    /* release */
    1,    2,           3,          /* strings */
    1,                             /* configurations */
};

/* HID 1.11, appendix E.10 has the shape: three buttons, X, Y, wheel. */
static const uint8_t report_desc[] = {
    0x05, 0x01,       /* usage page: generic desktop */
    0x09, 0x02,       /* usage: mouse */
    0xA1, 0x01,       /* collection: application */
    0x09, 0x01,       /* usage: pointer */
    0xA1, 0x00,       /* collection: physical */
    0x05, 0x09,       /* usage page: buttons */
    0x19, 0x01,       /* usage minimum 1 */
    0x29, 0x03,       /* usage maximum 3 */
    0x15, 0x00,       /* logical minimum 0 */
    0x25, 0x01,       /* logical maximum 1 */
    0x95, 0x03,       /* report count 3 */
    0x75, 0x01,       /* report size 1 */
    0x81, 0x02,       /* input: data, variable, absolute */
    0x95, 0x01,       /* report count 1 */
    0x75, 0x05,       /* report size 5 */
    0x81, 0x01,       /* input: constant */
    0x05, 0x01,       /* usage page: generic desktop */
    0x09, 0x30,       /* usage: X */
    0x09, 0x31,       /* usage: Y */
    0x15, 0x00,       /* logical minimum 0 */
    0x26, 0xFF, 0x7F, /* logical maximum 32767 */
    0x35, 0x00,       /* physical minimum 0 */
    0x46, 0xFF, 0x7F, /* physical maximum 32767 */
    0x75, 0x10,       /* report size 16 */
    0x95, 0x02,       /* report count 2 */
    0x81, 0x02,       /* input: data, variable, absolute */
    0x09, 0x38,       /* usage: wheel */
    0x15, 0x81,       /* logical minimum -127 */
    0x25, 0x7F,       /* logical maximum 127 */
    0x35, 0x00,       /* physical minimum: as logical */
    0x45, 0x00,       /* physical maximum: as logical */
    0x75, 0x08,       /* report size 8 */
    0x95, 0x01,       /* report count 1 */
    0x81, 0x06,       /* input: data, variable, relative */
    0xC0, 0xC0,       /* end of both collections */
};

#define HID_DESC 9, DESC_HID, 0x11, 0x01, 0, 1, DESC_REPORT, sizeof report_desc, 0
static const uint8_t hid_desc[] = {HID_DESC};
static const uint8_t config_desc[] = {
    9,        DESC_CONFIG, 34, 0,    1, 1, 0, 0xA0, 50, /* one interface; bus powered, remote wakeup, 100 mA */
    9,        4,           0,  0,    1, 3, 0, 0,    0,  /* interface 0: one endpoint, HID, neither boot protocol */
    HID_DESC, 7,           5,  0x81, 3, 8, 0, 10,       /* endpoint 1 IN: interrupt, 8 bytes, every 10 ms */
};
_Static_assert(sizeof config_desc == 34, "total length of the configuration");

static const uint8_t languages[] = {4, DESC_STRING, 0x09, 0x04};
static const uint8_t maker[] = {10, DESC_STRING, 'n', 0, 'o', 0, 'v', 0, 't', 0};
static const uint8_t product[] = {22, DESC_STRING, 'U', 0,   'S', 0,   'B', 0,   ' ', 0,   'T',
                                  0,  'a',         0,   'b', 0,   'l', 0,   'e', 0,   't', 0};
static const uint8_t serial[] = {4, DESC_STRING, '1', 0};

#define FOUND(desc) (*len = sizeof(desc), (desc))
static const uint8_t *string(uint8_t index, size_t *len) {
    switch (index) {
    case 0: return FOUND(languages);
    case 1: return FOUND(maker);
    case 2: return FOUND(product);
    case 3: return FOUND(serial);
    }
    return NULL;
}

static const uint8_t *descriptor(uint8_t type, uint8_t index, size_t *len) {
    switch (type) {
    case DESC_DEVICE: return index ? NULL : FOUND(device_desc);
    case DESC_CONFIG: return index ? NULL : FOUND(config_desc);
    case DESC_STRING: return string(index, len);
    case DESC_HID: return FOUND(hid_desc);
    case DESC_REPORT: return FOUND(report_desc);
    }
    return NULL;
}

/* ---- Reports ---- */

static int make_report(struct usb_tablet *t, uint8_t *buf, size_t room) {
    const struct event *e = &t->now;
    uint8_t report[REPORT_BYTES] = {e->buttons,    (uint8_t)e->x,        (uint8_t)(e->x >> 8),
                                    (uint8_t)e->y, (uint8_t)(e->y >> 8), (uint8_t)e->wheel};
    if (room < sizeof report) return USB_BABBLE;
    memcpy(buf, report, sizeof report);
    t->now.wheel = 0; /* relative: told once */
    t->reported_ns = t->dev.host->now_ns(t->dev.host->opaque);
    return sizeof report;
}

static bool take_event(struct usb_tablet *t) {
    if (!t->count) return false;
    t->now = t->queue[0];
    t->count--;
    memmove(t->queue, t->queue + 1, t->count * sizeof t->queue[0]);
    return true;
}

static bool idle_over(const struct usb_tablet *t) {
    return t->idle && t->dev.host->now_ns(t->dev.host->opaque) - t->reported_ns >= (uint64_t)t->idle * IDLE_UNIT_NS;
}

static int in(struct usb_device *u, uint8_t *buf, size_t room) {
    struct usb_tablet *t = of_usb(u);
    t->polled = true;
    return take_event(t) || idle_over(t) ? make_report(t, buf, room) : USB_NAK;
}

static int request(struct usb_device *u, const struct usb_setup *s, uint8_t *data) {
    struct usb_tablet *t = of_usb(u);
    switch (s->request) {
    case GET_INTERFACE_DESCRIPTOR: {
        size_t len = 0;
        const uint8_t *d = descriptor((uint8_t)(s->value >> 8), 0, &len);
        if (!d || (s->value >> 8) < DESC_HID) return USB_STALL;
        memcpy(data, d, len);
        return (int)len;
    }
    case GET_REPORT: return make_report(t, data, USB_CONTROL_MAX);
    case GET_IDLE: return data[0] = t->idle, 1;
    case SET_IDLE: return t->idle = (uint8_t)(s->value >> 8), 0;
    case GET_PROTOCOL: return data[0] = t->protocol, 1;
    case SET_PROTOCOL: return t->protocol = s->value & 1, 0;
    case SET_REPORT: return 0; /* it has no output */
    }
    return USB_STALL;
}

static void reset_usb(struct usb_device *u) {
    struct usb_tablet *t = of_usb(u);
    t->count = 0;
    t->idle = 0;
    t->protocol = 1;
    t->polled = false;
}

static const struct usb_class usb_class = {.descriptor = descriptor, .reset = reset_usb, .request = request, .in = in};

/* ---- The user's side ---- */

static int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

struct usb_device *usb_tablet_plug(struct dev *d) {
    return &to_tablet(d)->usb;
}
bool usb_tablet_in_use(const struct dev *d) {
    const struct usb_tablet *t = (const struct usb_tablet *)d;
    return t->usb.configuration && t->polled;
}

void usb_tablet_event(struct dev *d, int x, int y, int wheel, unsigned buttons) {
    struct usb_tablet *t = to_tablet(d);
    struct event e = {.x = (uint16_t)clamp(x, 0, USB_TABLET_MAX),
                      .y = (uint16_t)clamp(y, 0, USB_TABLET_MAX),
                      .wheel = (int8_t)clamp(wheel, -127, 127),
                      .buttons = buttons & 7};
    struct event *last = t->count ? &t->queue[t->count - 1] : NULL;
    /* Movement replaces movement; a press and a release that nobody has read stay two. */
    if (last && last->buttons == e.buttons) {
        e.wheel = (int8_t)clamp(last->wheel + e.wheel, -127, 127);
        *last = e;
    } else if (t->count < QUEUE) {
        t->queue[t->count++] = e;
    } else {
        *last = e;
    }
    usb_wakeup(&t->usb);
}

/* ---- Life ---- */

static enum dev_status init(struct dev *d, const void *cfg) {
    (void)cfg;
    to_tablet(d)->usb.cls = &usb_class;
    return DEV_OK;
}

static void reset(struct dev *d) {
    struct usb_tablet *t = to_tablet(d);
    t->now = (struct event){.x = USB_TABLET_MAX / 2, .y = USB_TABLET_MAX / 2};
    t->reported_ns = 0;
    usb_device_reset(&t->usb);
}

static void state(struct dev *d, struct dev_state *st) {
    struct usb_tablet *t = to_tablet(d);
    usb_device_state(&t->usb, st);
    DEV_STATE(st, t->now);
    DEV_STATE(st, t->queue);
    DEV_STATE(st, t->count);
    DEV_STATE(st, t->idle);
    DEV_STATE(st, t->protocol);
    dev_state_bool(st, &t->polled);
    DEV_STATE(st, t->reported_ns);
    if (!st->saving && t->count > QUEUE) t->count = QUEUE;
}

const struct dev_class usb_tablet_class = {
    .name = "usb-tablet", .instance_size = sizeof(struct usb_tablet), .init = init, .reset = reset, .state = state};
