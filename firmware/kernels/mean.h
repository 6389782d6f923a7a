/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over height and width; specification: toolchain/myna/ops/mean.py */
#ifndef MYNA_MEAN_H
#define MYNA_MEAN_H

#include <stdint.h>

struct mean {
    uint32_t positions, channels;
    int32_t mantissa, shift, x_zero, y_zero;
};

/* x[n,c] -> y[c] */
void myna_mean_s8(const struct mean *p, const int8_t *x, int8_t *y);

#endif
