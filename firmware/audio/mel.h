/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over bins and over mel bands; the variants for some cores give the same bits. */
#ifndef MYNA_AUDIO_MEL_H
#define MYNA_AUDIO_MEL_H

#include "audio/features.h"

/* Sum over `count` bins from `first` on of power times weight, below 2^60. */
uint64_t myna_audio_mel(const struct myna_audio_state *state, uint32_t first, uint32_t count,
                        const uint8_t *weight);

/* Sum over `count` elements of a times b; neither it nor a part of it reaches 2^31. */
int32_t myna_audio_dot(const int16_t *a, const int16_t *b, uint32_t count);

#endif
