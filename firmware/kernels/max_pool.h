/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum pooling and its gradients; specification: toolchain/myna/ops/max_pool.py */
#ifndef MYNA_MAX_POOL_H
#define MYNA_MAX_POOL_H

#include "kernels/window.h"

struct max_pool {
    struct map map;
    struct window window;
};
struct max_pool_grad_sum {
    struct map map;
    struct window window;
    struct fx_pair factor;
};

/* x[h,w,c] -> y[oh,ow,c] */
void myna_max_pool_s8(const struct max_pool *p, const int8_t *x, int8_t *y);
/* no two windows see one element */
/* dy[oh,ow,c] x[h,w,c] y[oh,ow,c] -> dx[h,w,c] */
void myna_max_pool_s8_grad(const struct max_pool *p, const int8_t *dy, const int8_t *x,
                           const int8_t *y, int8_t *dx);
/* dy[oh,ow,c] x[h,w,c] y[oh,ow,c] scale[2] out[2] -> dx[h,w,c] peak */
void myna_max_pool_s8_grad_sum(const struct max_pool_grad_sum *p, const int8_t *dy, const int8_t *x,
                               const int8_t *y, const int32_t *scale, const int32_t *out,
                               int8_t *dx, int32_t *peak);

#endif
