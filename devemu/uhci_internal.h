/*
 * uhci_internal.h: the controller's instance, shared by uhci.c (registers, ports) and uhci_schedule.c (frames).
 */
#ifndef NOVT_DEVEMU_UHCI_INTERNAL_H
#define NOVT_DEVEMU_UHCI_INTERNAL_H

#include "devemu/uhci.h"

/* USBCMD */
enum { CMD_RUN = 0x01, CMD_HCRESET = 0x02, CMD_GRESET = 0x04, CMD_EGSM = 0x08, CMD_FGR = 0x10, CMD_BITS = 0xFF };
/* USBSTS */
enum {
    STS_INT = 0x01,
    STS_ERROR = 0x02,
    STS_RESUME = 0x04,
    STS_HOST_ERROR = 0x08,
    STS_PROCESS_ERROR = 0x10,
    STS_HALTED = 0x20,
    STS_CLEARABLE = 0x1F,
};
/* USBINTR */
enum { INTR_ERROR = 0x01, INTR_RESUME = 0x02, INTR_COMPLETE = 0x04, INTR_SHORT = 0x08 };
/* PORTSC */
enum {
    PORT_CONNECTED = 0x0001,
    PORT_CONNECT_CHANGE = 0x0002,
    PORT_ENABLED = 0x0004,
    PORT_ENABLE_CHANGE = 0x0008,
    PORT_RESUME = 0x0040,
    PORT_ALWAYS = 0x0080,
    PORT_RESET = 0x0200,
    PORT_SUSPEND = 0x1000,
    PORT_LINE_J = 0x0010, /* D+ high: a full-speed device, idle */
};
enum { FRAME_NS = 1000000, FRAME_NUMBERS = 2048 };

struct uhci {
    struct pci_dev pci; /* first */
    struct usb_device *device[UHCI_PORTS];
    uint16_t cmd, sts, intr, frame, port[UHCI_PORTS];
    uint32_t list; /* FLBASEADD */
    uint8_t sof;
    bool completed, was_short; /* why STS_INT is set */
    struct dev_timer timer;
    uint64_t frame_ns; /* when the present frame began */
    uint32_t quiet;    /* frames since the last transaction that did something */
};

/* Runs the schedule of one frame. */
void uhci_run_frame(struct uhci *s);
/* Stops with one of the STS_*_ERROR bits. */
void uhci_fail(struct uhci *s, uint16_t why);
#endif
