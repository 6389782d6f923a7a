/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise gradient ops; specification: toolchain/myna/ops/gradient.py */
#ifndef MYNA_GRADIENT_H
#define MYNA_GRADIENT_H

#include "kernels/fixed.h"

struct clamp_grad {
    uint32_t size;
    int32_t low, high;
};
struct grad_add {
    uint32_t size;
    struct fx_pair factor_a, factor_b;
};

/* dx may be dy */
/* dy[n] y[n] -> dx[n] */
void myna_clamp_grad_s8(const struct clamp_grad *p, const int8_t *dy, const int8_t *y, int8_t *dx);
/* dy[n] y[n] -> dx[n] */
void myna_clamp_grad_s16(const struct clamp_grad *p, const int8_t *dy, const int16_t *y,
                         int8_t *dx);
/* sum may be a or b */
/* a[n] b[n] scale_a[2] scale_b[2] out[2] -> sum[n] peak */
void myna_grad_add_s8(const struct grad_add *p, const int8_t *a, const int8_t *b,
                      const int32_t *scale_a, const int32_t *scale_b, const int32_t *out,
                      int8_t *sum, int32_t *peak);

#endif
