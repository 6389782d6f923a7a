/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame to its powers; the variants for some cores give the same bits. */
#ifndef MYNA_AUDIO_FFT_H
#define MYNA_AUDIO_FFT_H

#include "audio/features.h"

/* Windows state->frame and transforms it to state->spectrum.point, MYNA_AUDIO_POINTS of them. */
void myna_audio_transform(struct myna_audio_state *state, const struct myna_audio_config *config);

/* Powers of the real signal's bins, state->spectrum.power, from the points, in place. All together
   stay below 2^52 (Parseval). */
void myna_audio_powers(struct myna_audio_state *state, const struct myna_audio_config *config);

/* The power of bin 0, which is its own mirror image; c is the cosine of 0. */
static inline uint64_t audio_first_power(struct myna_audio_complex z, int32_t c) {
    const int32_t e = 2 * (z.re >> 2), g = 2 * (z.im >> 1);
    const int32_t sum = e + (int32_t)(((int64_t)g * c) >> 32);
    return (uint64_t)((int64_t)sum * sum) >> 6;
}

#endif
