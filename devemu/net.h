/*
 * net.h: what a network adapter asks of the network behind it.
 *
 * Frames are Ethernet II without preamble and frame check sequence, 14 bytes at
 * least; short ones are not padded by the backend. Everything here happens on
 * the vCPU thread. Backends (monitor) fill struct dev_net; the adapter fills
 * the part below dev_opaque in its init.
 */
#ifndef NOVT_DEVEMU_NET_H
#define NOVT_DEVEMU_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_MAC_BYTES = 6, NET_FRAME_MIN = 14, NET_FRAME_MAX = 1514 /* without FCS */ };

struct dev_net {
    void *opaque;
    /* One frame from the guest. Never blocks; a frame that the backend has no room for is lost, as on a wire. */
    void (*send)(void *opaque, const uint8_t *frame, size_t len);
    /* The adapter's receiver went from not ready to ready: frames that wait may come before this returns, so it is the
     * last thing that a register access does. May be called from receive; none comes before that returns. */
    void (*ready)(void *opaque);
    /* ---- Set by the adapter ---- */
    void *dev_opaque;
    /* Would a frame be taken now? While false the backend keeps frames, up to its limit. */
    bool (*can_receive)(void *dev_opaque);
    /* One frame for the guest, len <= NET_FRAME_MAX. The adapter does its own address filtering. */
    void (*receive)(void *dev_opaque, const uint8_t *frame, size_t len);
};

/* An adapter begins to listen; net NULL: there is no cable. */
static inline void net_connect(struct dev_net *net, void *dev_opaque, bool (*can_receive)(void *),
                               void (*receive)(void *, const uint8_t *, size_t)) {
    if (!net) return;
    net->dev_opaque = dev_opaque;
    net->can_receive = can_receive;
    net->receive = receive;
}
/* ... and is gone: nothing is received any more. */
static inline void net_disconnect(struct dev_net *net) { net_connect(net, NULL, NULL, NULL); }
/* Tells the backend if the connected adapter would take a frame now. */
static inline void net_tell_ready(struct dev_net *net) {
    if (net && net->can_receive(net->dev_opaque)) net->ready(net->opaque);
}

/* The configuration of every adapter on the PCI bus. */
struct dev;
struct nic_pci_config {
    struct dev *bus;
    uint8_t devfn;
    uint8_t mac[NET_MAC_BYTES];
    struct dev_net *net; /* outlives the adapter; never NULL */
    const void *rom;     /* expansion ROM for pci_bar_rom, copied in init; NULL: none */
    size_t rom_size;
};
#endif
