/*
 * board.h: the PC's board: which devices there are, how they are wired, and
 * the CPU's side of interrupt control.
 *
 * Caller: machine, run loop, hostsvc. The board is one ordered array (board.c);
 * devices are created, reset and, in reverse, destroyed in its order.
 */
#ifndef NOVT_MONITOR_BOARD_H
#define NOVT_MONITOR_BOARD_H

#include "devemu/dev.h"
#include "monitor/image.h"
#include "monitor/pointer.h"

/* PCI slots of the first network adapter and the first virtio disk; their likes follow. */
enum { BOARD_SLOT_NIC = 3, BOARD_SLOT_VIRTIO_DISK = 7 };

struct board;
struct machine;
struct mon_chr;

/* What the board needs to know beyond m->cfg. */
struct board_config {
    const struct image *firmware; /* copied */
    const struct image *vga_rom;  /* copied; may be empty */
};

/* Builds all devices on m->host. NULL: errbuf holds one line. */
struct board *board_create(struct machine *m, const struct board_config *cfg, char *errbuf, size_t errlen);
void board_destroy(struct board *b);
void board_reset(struct board *b);
/* What is plugged into this port of the USB controller; NULL: nothing, or there is none. */
struct usb_device;
const struct usb_device *board_usb_device(struct board *b, unsigned port);
/* Room for ROM frames that the devices will ask for, firmware of this size included. */
uint64_t board_rom_bytes(size_t firmware_size);

/* The acknowledge cycle: the vector to deliver, or -1 if the request went away. */
int board_ack_interrupt(struct board *b);
void board_set_apic_base(struct board *b, uint64_t value);
/* IA32_TSC_DEADLINE; and the TSC changed other than by time. */
uint64_t board_tsc_deadline(struct board *b);
void board_set_tsc_deadline(struct board *b, uint64_t tsc);
void board_tsc_changed(struct board *b);
/* FERR# of the FPU: IRQ 13. */
void board_fpu_error(struct board *b, bool active);

/* What the user's side looks at and types on. */
struct dev *board_vga(struct board *b); /* NULL: there is none */
struct dev *board_keyboard(struct board *b);
/* The pointing device that knows positions. False: there is none. */
bool board_tablet(struct board *b, struct pointer_absolute *out);
/* Those whose media the user changes. */
struct dev *board_ide(struct board *b);
struct dev *board_floppy(struct board *b);
/* The interrupt controllers, to be looked at. */
struct board_interrupts {
    struct dev *pic, *lapic, *ioapic, *router;
};
void board_interrupts(struct board *b, struct board_interrupts *out);
/* The PCI bus; the name of the n-th of the devices that there are, NULL behind the last. */
struct dev *board_pci_bus(struct board *b);
const char *board_device_name(const struct board *b, unsigned n);
/* Presses the power button. False: no ACPI system listens. */
bool board_power_button(struct board *b);
#endif
