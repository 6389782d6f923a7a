/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/mel.h"

#include "kernels/fixed.h"

#if !MYNA_DSP && !MYNA_MVE

/* Words apart: a core multiplies no more at once. */
uint64_t myna_audio_mel(const struct myna_audio_state *state, uint32_t first, uint32_t count,
                        const uint8_t *weight) {
    const uint64_t *power = &state->spectrum.power[first], *end = power + count;
    uint64_t low = 0u;
    uint32_t high = 0u;
    while (power < end) {
        const uint64_t p = *power++;
        const uint32_t w = *weight++;
        low += (uint64_t)(uint32_t)p * w;
        high += (uint32_t)(p >> 32) * w;
    }
    return low + ((uint64_t)high << 32);
}

int32_t myna_audio_dot(const int16_t *a, const int16_t *b, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0u; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

#endif
