/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mean.h"

#include "kernels/sums.h"

void myna_mean_s8(const struct mean *p, const int8_t *x, int8_t *y) {
    for (uint32_t c = 0; c < p->channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, p->channels - c);
        int32_t total[SUM_CHANNELS] = {0};
        myna_add_positions(x + c, p->positions, p->channels, count, total);
        for (uint32_t i = 0; i < count; i++)
            y[c + i] = mean_of(p, total[i]);
    }
}
