/* SPDX-License-Identifier: Apache-2.0 */
/* Fully connected layer, weights [units, inputs]; specification: toolchain/myna/ops/dense.py */
#ifndef MYNA_DENSE_H
#define MYNA_DENSE_H

#include "kernels/layer.h"

struct dense {
    uint16_t inputs, units;
    struct layer layer;
};
struct dense_grad_input {
    uint16_t inputs, units;
    struct fx_pair factor;
};
struct dense_update {
    uint16_t inputs, units;
    int16_t x_zero;
    uint32_t tag;
};

/* x[inputs] w[units,inputs] bias[units] mantissa[units] shift[units] -> y[units] */
void myna_dense_s8(const struct dense *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                   const int32_t *mantissa, const int32_t *shift, int8_t *y);
/* dy[units] w[units,inputs] channel[units] scale[2] out[2] -> dx[inputs] peak */
void myna_dense_s8_grad_input(const struct dense_grad_input *p, const int8_t *dy, const int8_t *w,
                              const int16_t *channel, const int32_t *scale, const int32_t *out,
                              int8_t *dx, int32_t *peak);
/* x[inputs] dy[units] scale[2] steps[units,2] rate[2] seed step -> w[units,inputs]
 * residual[units,inputs] */
void myna_dense_s8_update(const struct dense_update *p, const int8_t *x, const int8_t *dy,
                          const int32_t *scale, const int32_t *steps, const int32_t *rate,
                          const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual);

#endif
