/* SPDX-License-Identifier: Apache-2.0 */
/* What the model learns a word from: never quite the same twice; part of the twin of
   toolchain/myna/learn/learn.py. */
#ifndef MYNA_VARY_H
#define MYNA_VARY_H

#include "kernels/fixed.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers of the draws that choose these; those of myna_audio_vary are less. */
#define DRAW_NOISE 0x100u
#define DRAW_MEMORY 0x101u
#define DRAW_VARIATION 0x102u

/* Draw number `index` of a key, one of 0 … below - 1. */
static inline uint32_t vary_draw(uint32_t key, uint32_t index, uint32_t below) {
    return (uint32_t)(((uint64_t)fx_random32(key, index) * below) >> 32);
}

/* Whether examples of a class are to be varied: if asked for, and if there is speech in them. */
bool myna_vary_is_asked(const struct message_learn *options, uint32_t label);

/* Gives the model features to learn from: varied, unless there is no speech in them. */
void myna_vary_feed(const struct message_learn *options, const int8_t *features, uint32_t label,
                    uint32_t key);

#endif
