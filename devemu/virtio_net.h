/*
 * virtio_net.h: a network adapter on virtio.
 *
 * Source: VIRTIO 1.1, 5.1 "Network Device": one pair of queues and a control
 * queue for address filters. No offloads, no merged buffers.
 */
#ifndef NOVT_DEVEMU_VIRTIO_NET_H
#define NOVT_DEVEMU_VIRTIO_NET_H

#include "devemu/net.h"
#include "devemu/virtio.h"

extern const struct dev_class virtio_net_class; /* configured by struct nic_pci_config */
#endif
