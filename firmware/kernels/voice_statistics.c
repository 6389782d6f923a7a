/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/voice_statistics.h"

#include <stdbool.h>

#include "kernels/fixed.h"

#define BITS 2   /* fraction bits of the statistics */
#define MOST 128 /* frames, and bands */

static int16_t energy_of(const int8_t *frame, uint32_t bands) {
    int32_t energy = 0;
    for (uint32_t band = 0; band < bands; band++)
        energy += frame[band];
    return (int16_t)energy;
}

/* Which frames hold speech, by the energies' order; returns how many, and 1 if there is none. */
static uint32_t find_speech(const struct voice_statistics *p, const int8_t *x, bool *speech) {
    int16_t ordered[MOST];
    for (uint32_t frame = 0; frame < p->frames; frame++) {
        int16_t energy = energy_of(x + frame * p->bands, p->bands);
        uint32_t at = frame;
        for (; at > 0 && ordered[at - 1] > energy; at--)
            ordered[at] = ordered[at - 1];
        ordered[at] = energy;
    }
    int32_t low = ordered[p->frames / 5u], high = ordered[9u * p->frames / 10u];
    uint32_t count = 0;
    for (uint32_t frame = 0; frame < p->frames; frame++) {
        int32_t above = energy_of(x + frame * p->bands, p->bands) - low;
        speech[frame] = 5 * above > 2 * (high - low);
        count += speech[frame];
    }
    return count > 0u ? count : 1u;
}

void myna_voice_statistics_s8(const struct voice_statistics *p, const int8_t *x, int8_t *y) {
    bool speech[MOST];
    int16_t mean[MOST];
    int32_t means = 0;
    uint32_t count = find_speech(p, x, speech);
    for (uint32_t band = 0; band < p->bands; band++) {
        int32_t total = 0, squares = 0;
        for (uint32_t frame = 0; frame < p->frames; frame++) {
            int32_t value = speech[frame] ? x[frame * p->bands + band] : 0;
            total += value;
            squares += value * value;
        }
        mean[band] = (int16_t)myna_fx_divide((int64_t)total * (1 << BITS), count);
        means += mean[band];
        uint32_t spread = (uint32_t)((int32_t)count * squares - total * total);
        /* below 2^28: the variance of int8, times at most 128 frames squared */
        uint32_t deviation = myna_fx_isqrt((spread << (2 * BITS)) / (count * count));
        y[p->bands + band] = (int8_t)(deviation < INT8_MAX ? deviation : INT8_MAX);
    }
    int32_t level = myna_fx_divide(means, p->bands);
    for (uint32_t band = 0; band < p->bands; band++)
        y[band] = fx_sat8(mean[band] - level);
}
