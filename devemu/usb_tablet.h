/*
 * usb_tablet.h: a USB tablet: a pointer that says where it is, not how far it moved.
 *
 * Source: Device Class Definition for Human Interface Devices 1.11. Every system with a USB HID driver knows
 * it, and the guest's pointer then agrees with the user's. Not a boot-protocol device: firmware ignores it.
 */
#ifndef NOVT_DEVEMU_USB_TABLET_H
#define NOVT_DEVEMU_USB_TABLET_H

#include "devemu/usb.h"

enum { USB_TABLET_MAX = 32767 }; /* coordinates are 0..this, of the whole screen */
enum { USB_TABLET_LEFT = 1, USB_TABLET_RIGHT = 2, USB_TABLET_MIDDLE = 4 };

/* No configuration. Plug it into a controller with usb_tablet_plug. */
extern const struct dev_class usb_tablet_class;
struct usb_device *usb_tablet_plug(struct dev *d);

/* The guest has a driver that reads it. */
bool usb_tablet_in_use(const struct dev *d);
/* The user moved, pressed or released; wheel counts notches away from the user. Values are clamped. */
void usb_tablet_event(struct dev *d, int x, int y, int wheel, unsigned buttons);
#endif
