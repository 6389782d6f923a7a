/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two states in few bytes; twin of toolchain/myna/learn/codec.py */
#ifndef MYNA_CODEC_H
#define MYNA_CODEC_H

#include <stdbool.h>
#include <stdint.h>

/* A bit for each tensor that is no setting, from the lowest on; bits that are not there are 0. */
struct private_tensors {
    const uint8_t *bits;
    uint32_t bytes;
};

static inline bool myna_is_private(struct private_tensors private, uint32_t tensor) {
    uint32_t byte = tensor / 8u < private.bytes ? private.bits[tensor / 8u] : 0u;
    return (byte >> (tensor % 8u)) % 2u != 0u;
}

/* Bytes of the difference of equal states: no budget may be smaller. */
__attribute__((pure)) uint32_t myna_codec_least(void);

/*
 * What `state` has beyond `base`, both blocks of the model, in at most `budget` bytes; how many
 * they are. Afterwards the state is the base and what was not sent, as of tensors that are private.
 */
__attribute__((warn_unused_result)) uint32_t myna_codec_encode(uint8_t *data, uint32_t budget,
                                                               struct private_tensors private,
                                                               const uint8_t *base, uint8_t *state);

enum codec_outcome {
    CODEC_OK,
    CODEC_OTHER,   /* it is damaged, or the difference to another base */
    CODEC_DAMAGED, /* no encoder wrote this */
};

/* Adds a difference to blocks, of which the first is the base; only where it is OK does anything
   change. */
__attribute__((warn_unused_result)) enum codec_outcome
myna_codec_apply(const uint8_t *data, uint32_t bytes, uint8_t *const *blocks, uint32_t count);

#endif
