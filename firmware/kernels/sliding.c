/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sliding.h"

#include <string.h>

#include "kernels/pool.h"
#include "kernels/sums.h"

/* the oldest row leaves, the sums of x enter */
static void slide(const struct sliding *p, const int8_t *x, int16_t *sums, int32_t *total) {
    const uint32_t channels = p->channels, rest = (p->kept - 1u) * channels;
    for (uint32_t c = 0; c < channels; c++)
        total[c] -= sums[c];
    memmove(sums, sums + channels, rest * sizeof *sums);
    for (uint32_t c = 0; c < channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, channels - c);
        int32_t sum[SUM_CHANNELS] = {0};
        myna_add_positions(x + c, p->width, channels, count, sum);
        for (uint32_t i = 0; i < count; i++) {
            total[c + i] += sum[i];
            sums[rest + c + i] = (int16_t)sum[i];
        }
    }
}

static void slide_all(const struct sliding *p, const int8_t *x, int16_t *sums, int32_t *total) {
    for (uint32_t row = 0; row < p->rows; row++)
        slide(p, x + row * p->width * p->channels, sums, total);
}

void myna_sliding_average_s8(const struct sliding *p, const int8_t *x, int16_t *sums,
                             int32_t *total, int8_t *y) {
    slide_all(p, x, sums, total);
    for (uint32_t c = 0; c < p->channels; c++)
        y[c] = rounded_mean(total[c], p->kept * p->width);
}

void myna_sliding_mean_s8(const struct sliding_mean *p, const int8_t *x, int16_t *sums,
                          int32_t *total, int8_t *y) {
    slide_all(&p->window, x, sums, total);
    for (uint32_t c = 0; c < p->window.channels; c++)
        y[c] = mean_of(&p->mean, total[c]);
}
