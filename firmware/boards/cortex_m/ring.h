/* SPDX-License-Identifier: Apache-2.0 */
/* Byte queue between one receive interrupt (ring_put) and the main loop (ring_take). */
#ifndef MYNA_BOARDS_RING_H
#define MYNA_BOARDS_RING_H

#include "boards/port.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The counters run freely and wrap, so their difference is the fill level. */
struct ring {
    _Atomic uint32_t put;
    _Atomic uint32_t taken;
    uint8_t bytes[MYNA_PORT_RX_WINDOW];
};

_Static_assert((MYNA_PORT_RX_WINDOW & (MYNA_PORT_RX_WINDOW - 1u)) == 0u, "indices wrap by masking");

static inline bool ring_empty(const struct ring *ring) {
    return atomic_load_explicit(&ring->put, memory_order_acquire) ==
           atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

/* A byte that finds the ring full is dropped, as by any UART: the frame's CRC tells. */
static inline void ring_put(struct ring *ring, uint8_t byte) {
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    if (put - atomic_load_explicit(&ring->taken, memory_order_acquire) < MYNA_PORT_RX_WINDOW) {
        ring->bytes[put & (MYNA_PORT_RX_WINDOW - 1u)] = byte;
        atomic_store_explicit(&ring->put, put + 1u, memory_order_release);
    }
}

static inline size_t ring_take(struct ring *ring, uint8_t *bytes, size_t capacity) {
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint32_t filled = atomic_load_explicit(&ring->put, memory_order_acquire) - taken;
    size_t count = filled < capacity ? filled : capacity;
    for (size_t i = 0; i < count; i++) {
        bytes[i] = ring->bytes[taken++ & (MYNA_PORT_RX_WINDOW - 1u)];
    }
    atomic_store_explicit(&ring->taken, taken, memory_order_release);
    return count;
}

#endif
