/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two states in few bytes; twin of toolchain/myna/learn/codec.py */
#ifndef MYNA_CODEC_H
#define MYNA_CODEC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What `state` has beyond `base`, both blocks of the model, in at most `budget` bytes; how many
 * they are, 0 if the budget does not even hold the difference of equal states. Afterwards the state
 * is the base and what was not sent.
 */
__attribute__((warn_unused_result)) uint32_t myna_codec_encode(uint8_t *data, uint32_t budget,
                                                               const uint8_t *base, uint8_t *state);

enum codec_outcome {
    CODEC_OK,
    CODEC_OTHER,   /* it is damaged, or the difference to another base */
    CODEC_DAMAGED, /* no encoder wrote this */
};

/* Adds a difference to base and state; only where it is OK does anything change. */
__attribute__((warn_unused_result)) enum codec_outcome
myna_codec_apply(const uint8_t *data, uint32_t bytes, uint8_t *base, uint8_t *state);

#endif
