/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution, weights [kh, kw, c]; specification: toolchain/myna/ops/depthwise.py */
#ifndef MYNA_DEPTHWISE_H
#define MYNA_DEPTHWISE_H

#include "kernels/layer.h"
#include "kernels/window.h"

struct depthwise {
    struct map map;
    struct window window;
    struct layer layer;
};
struct depthwise_grad_input {
    struct map map;
    struct window window;
    struct fx_pair factor;
};
struct depthwise_update {
    struct map map;
    struct window window;
    int16_t x_zero;
    uint32_t tag;
};

/* x[h,w,c] w[kh,kw,c] bias[c] mantissa[c] shift[c] -> y[oh,ow,c] */
void myna_depthwise_s8(const struct depthwise *p, const int8_t *x, const int8_t *w,
                       const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                       int8_t *y);
/* dy[oh,ow,c] w[kh,kw,c] channel[c] scale[2] out[2] -> dx[h,w,c] peak */
void myna_depthwise_s8_grad_input(const struct depthwise_grad_input *p, const int8_t *dy,
                                  const int8_t *w, const int16_t *channel, const int32_t *scale,
                                  const int32_t *out, int8_t *dx, int32_t *peak);
/* x[h,w,c] dy[oh,ow,c] scale[2] steps[c,2] rate[2] seed step -> w[kh,kw,c] residual[kh,kw,c] */
void myna_depthwise_s8_update(const struct depthwise_update *p, const int8_t *x, const int8_t *dy,
                              const int32_t *scale, const int32_t *steps, const int32_t *rate,
                              const int32_t *seed, const int32_t *step, int8_t *w,
                              int8_t *residual);

#endif
