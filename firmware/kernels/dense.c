/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dense.h"

#include "kernels/conv2d.h"
#include "kernels/sgd.h"

enum { CHUNK = 32 }; /* weights updated at a time */

void myna_dense_s8(const struct dense *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                   const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    const struct conv2d pixel = {
        {1u, 1u, p->inputs, 1u, 1u, p->units}, {1u, 1u, 1u, 1u, 0u, 0u}, p->layer};
    myna_conv2d_s8(&pixel, x, w, bias, mantissa, shift, y);
}

void myna_dense_s8_grad_input(const struct dense_grad_input *p, const int8_t *dy, const int8_t *w,
                              const int16_t *channel, const int32_t *scale, const int32_t *out,
                              int8_t *dx, int32_t *peak) {
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    for (uint32_t i = 0; i < p->inputs; i++) {
        int32_t acc = 0;
        for (uint32_t u = 0; u < p->units; u++)
            acc += dy[u] * channel[u] * w[u * p->inputs + i];
        dx[i] = requantize_gradient(acc, by, &range);
    }
    *peak = range.peak;
}

void myna_dense_s8_update(const struct dense_update *p, const int8_t *x, const int8_t *dy,
                          const int32_t *scale, const int32_t *steps, const int32_t *rate,
                          const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t u = 0; u < p->units; u++, w += p->inputs, residual += p->inputs) {
        if (dy[u] == 0)
            continue; /* as of each class that is not in use: noise alone rounds to no step */
        struct fx_multiplier by = sgd_channel(&sgd, u);
        for (uint32_t i = 0; i < p->inputs; i += CHUNK) {
            int32_t acc[CHUNK];
            uint32_t count = fx_minu32(CHUNK, p->inputs - i);
            for (uint32_t k = 0; k < count; k++)
                acc[k] = (x[i + k] - p->x_zero) * dy[u];
            myna_sgd_row(&sgd, by, acc, u * p->inputs + i, count, w + i, residual + i);
        }
    }
}
