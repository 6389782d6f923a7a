/* SPDX-License-Identifier: Apache-2.0 */
/* Average pooling and its gradients; specification: toolchain/myna/ops/pool.py */
#ifndef MYNA_POOL_H
#define MYNA_POOL_H

#include "kernels/window.h"

struct average_pool {
    struct map map;
    uint16_t pool_h, pool_w;
};
struct window_pool {
    struct map map;
    struct window window;
};
struct average_pool_grad_sum {
    struct map map;
    struct window window;
    int32_t unit;
    struct fx_pair factor;
};

/* halves away from zero */
static inline int8_t rounded_mean(int32_t total, int32_t count) {
    return (int8_t)(total > 0 ? (total + count / 2) / count : (total - count / 2) / count);
}

/* x[h,w,c] -> y[oh,ow,c] */
void myna_average_pool_s8(const struct average_pool *p, const int8_t *x, int8_t *y);
/* dy[oh,ow,c] -> dx[h,w,c] */
void myna_average_pool_s8_grad(const struct average_pool *p, const int8_t *dy, int8_t *dx);
/* windows that overlap, leave gaps or see padding */
/* x[h,w,c] -> y[oh,ow,c] */
void myna_average_pool_s8_windows(const struct window_pool *p, const int8_t *x, int8_t *y);
/* dy[oh,ow,c] scale[2] out[2] -> dx[h,w,c] peak */
void myna_average_pool_s8_grad_sum(const struct average_pool_grad_sum *p, const int8_t *dy,
                                   const int32_t *scale, const int32_t *out, int8_t *dx,
                                   int32_t *peak);

#endif
