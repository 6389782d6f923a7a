/* SPDX-License-Identifier: Apache-2.0 */
/* Mean squared error and its gradient; specification: toolchain/myna/ops/squared_error.py */
#ifndef MYNA_SQUARED_ERROR_H
#define MYNA_SQUARED_ERROR_H

#include "kernels/fixed.h"

struct squared_error {
    uint16_t size; /* at most 1024: the sum of squares fits 64 bits */
    int16_t y_zero, x_zero;
    int32_t y_step, x_step;
    struct fx_pair factor;
    struct fx_multiplier to_loss;
};

/* y[n] x[n] -> dy[n] scale[2] loss */
void myna_squared_error_s8(const struct squared_error *p, const int8_t *y, const int8_t *x,
                           int8_t *dy, int32_t *scale, int32_t *loss);

#endif
