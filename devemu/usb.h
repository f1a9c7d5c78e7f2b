/*
 * usb.h: a USB device as its host controller sees it.
 *
 * Source: Universal Serial Bus Specification 1.1, ch. 8 "Protocol Layer" and 9 "USB Device Framework".
 * A device embeds struct usb_device in its instance; the part that all devices share, the control
 * endpoint with its standard requests, is usb_device.c. Data toggles are not modelled: no packet is ever lost.
 */
#ifndef NOVT_DEVEMU_USB_H
#define NOVT_DEVEMU_USB_H

#include "devemu/dev.h"

enum usb_pid { USB_PID_OUT = 0xE1, USB_PID_IN = 0x69, USB_PID_SETUP = 0x2D };

/* What a transaction ends with when it moves no bytes. */
enum { USB_NAK = -1, USB_STALL = -2, USB_NO_ANSWER = -3, USB_BABBLE = -4 };

enum { USB_SETUP_BYTES = 8, USB_CONTROL_MAX = 256, USB_CONTROL_PACKET = 8 };

/* bmRequestType and bRequest as one word, the former in the upper byte. */
struct usb_setup {
    uint16_t request, value, index, length;
};

struct usb_device;
struct usb_class {
    /* The descriptor of this type and index (device, configuration, string), or NULL. */
    const uint8_t *(*descriptor)(uint8_t type, uint8_t index, size_t *len);
    /* Default state of what is the class's own. */
    void (*reset)(struct usb_device *u);
    /* A request that is not a standard one: fills `data` (device to host; at most USB_CONTROL_MAX) or uses its
     * s->length bytes. Bytes filled, or USB_STALL. */
    int (*request)(struct usb_device *u, const struct usb_setup *s, uint8_t *data);
    /* Data from the one IN endpoint (1): bytes, or USB_NAK. len is the room in buf. */
    int (*in)(struct usb_device *u, uint8_t *buf, size_t len);
};

enum usb_stage { USB_IDLE, USB_DATA_IN, USB_DATA_OUT, USB_STATUS_IN, USB_STATUS_OUT, USB_FAILED };

struct usb_device {
    const struct usb_class *cls;
    /* The port's, set when it is plugged in: the device wants to be resumed. */
    void (*wakeup)(void *opaque, int port);
    void *hub;
    int port;
    uint8_t address, new_address, configuration;
    bool remote_wakeup, halted; /* halted: the IN endpoint */
    /* The control transfer under way. */
    uint8_t stage; /* enum usb_stage */
    struct usb_setup setup;
    uint16_t length, at; /* bytes of data, how many have gone */
    uint8_t data[USB_CONTROL_MAX];
};

/* Bus reset. */
void usb_device_reset(struct usb_device *u);
/* One transaction with an endpoint of this device: bytes moved, or one of the codes above. For IN, len is the room in
 * buf. */
int usb_transaction(struct usb_device *u, enum usb_pid pid, unsigned endpoint, uint8_t *buf, size_t len);
/* Asks to be resumed, if the guest allows it; harmless when the bus is awake. */
void usb_wakeup(struct usb_device *u);
void usb_device_state(struct usb_device *u, struct dev_state *st);
#endif
