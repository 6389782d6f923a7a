/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over height and width; specification: toolchain/myna/ops/mean.py */
#ifndef MYNA_MEAN_H
#define MYNA_MEAN_H

#include "kernels/fixed.h"

struct mean {
    uint32_t positions, channels;
    int32_t mantissa, shift, x_zero, y_zero;
};

/* of a sum over all positions; the multiplier's operand is small, as layers/lowering.py proves */
static inline int8_t mean_of(const struct mean *p, int32_t total) {
    int32_t zero = (int32_t)p->positions * p->x_zero;
    return (int8_t)fx_narrow8(fx_requantize(total - zero, p->mantissa, p->shift) + p->y_zero);
}

/* x[n,c] -> y[c] */
void myna_mean_s8(const struct mean *p, const int8_t *x, int8_t *y);

#endif
