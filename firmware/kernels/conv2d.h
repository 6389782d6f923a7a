/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution, weights [cout, kh, kw, cin]; specification: toolchain/myna/ops/conv2d.py */
#ifndef MYNA_CONV2D_H
#define MYNA_CONV2D_H

#include "kernels/layer.h"
#include "kernels/window.h"

struct conv2d {
    struct map map;
    struct window window;
    struct layer layer;
};
struct conv2d_grad_input {
    struct map map;
    struct window window;
    struct fx_pair factor;
};
struct conv2d_update {
    struct map map;
    struct window window;
    int16_t x_zero;
    uint32_t tag;
};

/* x[h,w,cin] w[cout,kh,kw,cin] bias[cout] mantissa[cout] shift[cout] -> y[oh,ow,cout] */
void myna_conv2d_s8(const struct conv2d *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                    const int32_t *mantissa, const int32_t *shift, int8_t *y);
/* dy[oh,ow,cout] w[cout,kh,kw,cin] channel[cout] scale[2] out[2] -> dx[h,w,cin] peak */
void myna_conv2d_s8_grad_input(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                               const int16_t *channel, const int32_t *scale, const int32_t *out,
                               int8_t *dx, int32_t *peak);
/* x[h,w,cin] dy[oh,ow,cout] scale[2] steps[cout,2] rate[2] seed step -> w[cout,kh,kw,cin]
 * residual[cout,kh,kw,cin] */
void myna_conv2d_s8_update(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                           const int32_t *scale, const int32_t *steps, const int32_t *rate,
                           const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual);

#endif
