/*
 * usb_device.c: the control endpoint of a USB device and the standard requests.
 *
 * Source: USB 1.1, 8.5.2 "Control Transfers", 9.4 "Standard Device Requests".
 */
#include "devemu/usb.h"

#include <string.h>
#include "devemu/bytes.h"

enum {
    GET_STATUS_DEVICE = 0x8000,
    GET_STATUS_INTERFACE = 0x8100,
    GET_STATUS_ENDPOINT = 0x8200,
    CLEAR_FEATURE_DEVICE = 0x0001,
    CLEAR_FEATURE_ENDPOINT = 0x0201,
    SET_FEATURE_DEVICE = 0x0003,
    SET_FEATURE_ENDPOINT = 0x0203,
    SET_ADDRESS = 0x0005,
    GET_DESCRIPTOR = 0x8006,
    GET_CONFIGURATION = 0x8008,
    SET_CONFIGURATION = 0x0009,
    GET_INTERFACE = 0x810A,
    SET_INTERFACE = 0x010B,
};
enum { FEATURE_HALT = 0, FEATURE_REMOTE_WAKEUP = 1 };
enum { TO_HOST = 0x8000, ADDRESS_MAX = 127, IN_ENDPOINT = 0x81, NO_ADDRESS = 0xFF };

void usb_device_reset(struct usb_device *u) {
    u->address = 0;
    u->new_address = NO_ADDRESS;
    u->configuration = 0;
    u->remote_wakeup = u->halted = false;
    u->stage = USB_IDLE;
    u->length = u->at = 0;
    if (u->cls->reset) u->cls->reset(u);
}

void usb_wakeup(struct usb_device *u) {
    if (u->remote_wakeup && u->wakeup) u->wakeup(u->hub, u->port);
}

/* ---- Standard requests: bytes for the host, or USB_STALL ---- */

static int reply16(uint8_t *data, unsigned v) {
    put_le16(data, (uint16_t)v);
    return 2;
}

static int device_feature(struct usb_device *u, const struct usb_setup *s, bool on) {
    if (s->value != FEATURE_REMOTE_WAKEUP) return USB_STALL;
    u->remote_wakeup = on;
    return 0;
}

static int endpoint_feature(struct usb_device *u, const struct usb_setup *s, bool on) {
    if (s->value != FEATURE_HALT || (s->index != IN_ENDPOINT && s->index != 0)) return USB_STALL;
    if (s->index == IN_ENDPOINT) u->halted = on;
    return 0;
}

static int set_configuration(struct usb_device *u, const struct usb_setup *s) {
    if (s->value > 1) return USB_STALL;
    u->configuration = (uint8_t)s->value;
    u->halted = false;
    return 0;
}

static int get_descriptor(struct usb_device *u, const struct usb_setup *s, uint8_t *data) {
    size_t len = 0;
    const uint8_t *d = u->cls->descriptor((uint8_t)(s->value >> 8), (uint8_t)s->value, &len);
    if (!d || len > USB_CONTROL_MAX) return USB_STALL;
    memcpy(data, d, len);
    return (int)len;
}

static int request(struct usb_device *u, const struct usb_setup *s, uint8_t *data) {
    switch (s->request) {
    case GET_STATUS_DEVICE: return reply16(data, u->remote_wakeup ? 2 : 0);
    case GET_STATUS_INTERFACE: return reply16(data, 0);
    case GET_STATUS_ENDPOINT: return reply16(data, s->index == IN_ENDPOINT && u->halted);
    case CLEAR_FEATURE_DEVICE: return device_feature(u, s, false);
    case SET_FEATURE_DEVICE: return device_feature(u, s, true);
    case CLEAR_FEATURE_ENDPOINT: return endpoint_feature(u, s, false);
    case SET_FEATURE_ENDPOINT: return endpoint_feature(u, s, true);
    case SET_ADDRESS:
        if (s->value > ADDRESS_MAX) return USB_STALL;
        u->new_address = (uint8_t)s->value; /* takes effect after the status stage */
        return 0;
    case GET_DESCRIPTOR: return get_descriptor(u, s, data);
    case GET_CONFIGURATION: return data[0] = u->configuration, 1;
    case SET_CONFIGURATION: return set_configuration(u, s);
    case GET_INTERFACE: return data[0] = 0, 1;
    case SET_INTERFACE: return s->value || s->index ? USB_STALL : 0;
    default: return u->cls->request(u, s, data);
    }
}

/* ---- The stages of a control transfer ---- */

static int stage_setup(struct usb_device *u, const uint8_t *buf, size_t len) {
    struct usb_setup *s = &u->setup;
    if (len != USB_SETUP_BYTES) return USB_NO_ANSWER;
    *s = (struct usb_setup){
        .request = get_be16(buf), .value = get_le16(buf + 2), .index = get_le16(buf + 4), .length = get_le16(buf + 6)};
    u->at = u->length = 0;
    u->new_address = NO_ADDRESS;
    if (s->length && !(s->request & TO_HOST)) {
        u->length = s->length;
        u->stage = s->length <= USB_CONTROL_MAX ? USB_DATA_OUT : USB_FAILED;
        return USB_SETUP_BYTES;
    }
    int n = request(u, s, u->data);
    if (n < 0) {
        u->stage = USB_FAILED;
        return USB_SETUP_BYTES;
    }
    u->length = (uint16_t)(n < s->length ? n : s->length);
    u->stage = s->length ? USB_DATA_IN : USB_STATUS_IN;
    return USB_SETUP_BYTES; /* a SETUP is always acknowledged */
}

static int stage_in(struct usb_device *u, uint8_t *buf, size_t room) {
    if (u->stage == USB_STATUS_IN) {
        if (u->new_address != NO_ADDRESS) u->address = u->new_address;
        u->new_address = NO_ADDRESS;
        u->stage = USB_IDLE;
        return 0;
    }
    if (u->stage != USB_DATA_IN) return USB_STALL;
    size_t n = (size_t)u->length - u->at;
    if (n > USB_CONTROL_PACKET) n = USB_CONTROL_PACKET;
    if (n > room) return USB_BABBLE;
    memcpy(buf, u->data + u->at, n);
    u->at = (uint16_t)(u->at + n);
    return (int)n;
}

static int stage_out(struct usb_device *u, const uint8_t *buf, size_t len) {
    if (u->stage == USB_DATA_IN) { /* the host has enough: this is the status stage */
        u->stage = USB_IDLE;
        return 0;
    }
    if (u->stage != USB_DATA_OUT || len > (size_t)u->length - u->at) return USB_STALL;
    memcpy(u->data + u->at, buf, len);
    u->at = (uint16_t)(u->at + len);
    if (u->at == u->length) u->stage = request(u, &u->setup, u->data) < 0 ? USB_FAILED : USB_STATUS_IN;
    return (int)len;
}

static int control(struct usb_device *u, enum usb_pid pid, uint8_t *buf, size_t len) {
    switch (pid) {
    case USB_PID_SETUP: return stage_setup(u, buf, len);
    case USB_PID_IN: return stage_in(u, buf, len);
    case USB_PID_OUT: return stage_out(u, buf, len);
    }
    return USB_NO_ANSWER;
}

int usb_transaction(struct usb_device *u, enum usb_pid pid, unsigned endpoint, uint8_t *buf, size_t len) {
    if (endpoint == 0) return control(u, pid, buf, len);
    if (endpoint != (IN_ENDPOINT & 15) || pid != USB_PID_IN || !u->configuration) return USB_NO_ANSWER;
    return u->halted ? USB_STALL : u->cls->in(u, buf, len);
}

/* ---- State ---- */

static void fix(struct usb_device *u) {
    u->address &= ADDRESS_MAX;
    u->configuration &= 1;
    if (u->stage > USB_FAILED) u->stage = USB_IDLE;
    if (u->length > USB_CONTROL_MAX) u->length = USB_CONTROL_MAX;
    if (u->at > u->length) u->at = u->length;
}

void usb_device_state(struct usb_device *u, struct dev_state *st) {
    DEV_STATE(st, u->address);
    DEV_STATE(st, u->new_address);
    DEV_STATE(st, u->configuration);
    dev_state_bool(st, &u->remote_wakeup);
    dev_state_bool(st, &u->halted);
    DEV_STATE(st, u->stage);
    DEV_STATE(st, u->setup);
    DEV_STATE(st, u->length);
    DEV_STATE(st, u->at);
    DEV_STATE(st, u->data);
    if (!st->saving) fix(u);
}
