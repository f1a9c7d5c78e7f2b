/*
 * inspect_devices.h: the devices of a running machine, the PCI bus, ports: part of monitor's public face, like
 * inspect.h.
 */
#ifndef NOVT_MONITOR_INSPECT_DEVICES_H
#define NOVT_MONITOR_INSPECT_DEVICES_H

#include "monitor/inspect.h"

/* ---- The board's devices, in the order in which they are reset ---- */
enum { MON_DEVICES = 96 };
struct mon_devices {
    unsigned n;
    char name[MON_DEVICES][24];
};
enum mon_ask mon_ask_devices(struct machine *m, struct mon_devices *out);

/* ---- USB: the ports of the one controller ---- */
enum { MON_USB_PORTS = 2 };
struct mon_usb {
    struct {
        bool plugged;
        uint8_t address; /* 0: the guest has given none yet */
    } port[MON_USB_PORTS];
};
enum mon_ask mon_ask_usb(struct machine *m, struct mon_usb *out);

/* ---- ROM images: of the firmware, or what stands in for it ---- */
enum { MON_ROMS = 2 };
struct mon_roms {
    unsigned n;
    struct {
        const char *name; /* a constant */
        uint64_t address; /* guest-physical; 0: in a PCI device's ROM register */
        uint32_t size;
    } rom[MON_ROMS];
};
enum mon_ask mon_ask_roms(struct machine *m, struct mon_roms *out);

/* ---- PCI ---- */
enum { MON_PCI_DEVICES = 32, MON_PCI_REGIONS = 7 };
struct mon_pci_device {
    uint8_t slot, function, irq_line, irq_pin; /* irq_pin 0: none */
    uint16_t vendor, device, subsys_vendor, subsys, class;
    unsigned regions;
    struct {
        unsigned bar; /* 6: the option ROM */
        bool io, prefetch, mapped;
        uint32_t address, size;
    } region[MON_PCI_REGIONS];
};
struct mon_pci {
    unsigned n;
    struct mon_pci_device device[MON_PCI_DEVICES];
};
enum mon_ask mon_ask_pci(struct machine *m, struct mon_pci *out);

/* ---- Ports ---- */
/* An access of 1, 2 or 4 bytes, as the guest would make one: *value is what is written, or what is read. Without force
 * only where no device answers: anything may change. FAILED: errbuf holds one line. */
enum mon_ask mon_ask_port(struct machine *m, uint16_t port, unsigned size, bool write, bool force, uint32_t *value,
                          char *errbuf, size_t errlen);
#endif
