/* SPDX-License-Identifier: Apache-2.0 */
/* What the model learns a word from: never quite the same twice; part of the twin of
   toolchain/myna/learn/learn.py. */
#ifndef MYNA_VARY_H
#define MYNA_VARY_H

#include "kernels/fixed.h"
#include "protocol/messages.h"

#include <stdint.h>

/* Draw number `index` of a key, one of 0 … below - 1. */
static inline uint32_t vary_draw(uint32_t key, uint32_t index, uint32_t below) {
    return (uint32_t)(((uint64_t)fx_random32(key, index) * below) >> 32);
}

/* Gives the model features to learn from: varied, unless there is no speech in them. */
void myna_vary_feed(const struct message_learn *options, const int8_t *features, uint32_t label,
                    uint32_t key);

#endif
