/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mean.h"

#include "kernels/fixed.h"
#include "kernels/sums.h"

/* the multiplier's operand is small, as layers/lowering.py proves */
void myna_mean_s8(const struct mean *p, const int8_t *x, int8_t *y) {
    const int32_t zero = (int32_t)p->positions * p->x_zero;
    for (uint32_t c = 0; c < p->channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, p->channels - c);
        int32_t total[SUM_CHANNELS] = {0};
        myna_add_positions(x + c, p->positions, p->channels, count, total);
        for (uint32_t i = 0; i < count; i++) {
            int32_t scaled = fx_requantize(total[i] - zero, p->mantissa, p->shift);
            y[c + i] = (int8_t)fx_narrow8(scaled + p->y_zero);
        }
    }
}
