/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sums.h"

#include "kernels/fixed.h"

#if MYNA_MVE
#include <arm_mve.h>

static void add_four(const int8_t *x, uint32_t positions, uint32_t channels, int32_t *total) {
    int32x4_t sum = vldrwq_s32(total);
    for (uint32_t i = 0u; i < positions; i++)
        sum = vaddq_s32(sum, vldrbq_s32(x + i * channels));
    vstrwq_s32(total, sum);
}
#elif MYNA_DSP
#include "kernels/dsp/words_dsp.h"

static void add_four(const int8_t *x, uint32_t positions, uint32_t channels, int32_t *total) {
    while (positions > 0u) {
        uint32_t even = 0u, odd = 0u, some = fx_minu32(positions, 256u); /* fit halfwords */
        positions -= some;
        for (; some > 0u; some--, x += channels) {
            uint32_t bytes = dsp_load4(x);
            even = dsp_add_even(even, bytes);
            odd = dsp_add_odd(odd, bytes);
        }
        total[0] += (int16_t)even, total[1] += (int16_t)odd;
        total[2] += (int32_t)even >> 16, total[3] += (int32_t)odd >> 16;
    }
}
#endif

void myna_add_positions(const int8_t *x, uint32_t positions, uint32_t channels, uint32_t count,
                        int32_t total[SUM_CHANNELS]) {
#if MYNA_MVE || MYNA_DSP
    if (count == SUM_CHANNELS) {
        add_four(x, positions, channels, total);
        return;
    }
#endif
    for (uint32_t i = 0u; i < positions; i++)
        for (uint32_t c = 0u; c < count; c++)
            total[c] += x[i * channels + c];
}
