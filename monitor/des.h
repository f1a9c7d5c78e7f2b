/*
 * des.h: the Data Encryption Standard (FIPS 46-3), one block, for VNC's challenge.
 *
 * Not for secrets: VNC authentication keeps honest people out of a loopback port.
 */
#ifndef NOVT_MONITOR_DES_H
#define NOVT_MONITOR_DES_H

#include <stdint.h>

/* Encrypts one block; all numbers have bit 1 of the standard as their highest bit. */
uint64_t des_encrypt(uint64_t key, uint64_t block);
#endif
