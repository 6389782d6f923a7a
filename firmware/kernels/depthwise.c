/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/depthwise.h"

#include "kernels/dsp/depthwise_dsp.h"
#include "kernels/mve/depthwise_mve.h"
#include "kernels/scalar/depthwise_scalar.h"

enum { TILE = 16 }; /* channels at a time, innermost: compilers vectorize over them */

/* acc[i] += (x[i] - zero) * y[i] */
static inline void add_products(const int8_t *x, int32_t zero, const int8_t *y, int32_t count,
                                int32_t acc[TILE]) {
    if (count == TILE) /* a constant number of turns */
#pragma GCC unroll 4
        for (int32_t i = 0; i < TILE; i++)
            acc[i] += (x[i] - zero) * y[i];
    else
        for (int32_t i = 0; i < count; i++)
            acc[i] += (x[i] - zero) * y[i];
}

/* the sum over the window at (oy, ox) of channels from x and w on */
static void window_sums(const struct depthwise *p, const int8_t *x, const int8_t *w, int32_t oy,
                        int32_t ox, int32_t count, int32_t acc[TILE]) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
    struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
    const int32_t iy = oy * k->stride_h - k->pad_top, ix = ox * k->stride_w - k->pad_left;
    for (int32_t ky = rows.begin; ky < rows.end; ky++)
        for (int32_t kx = cols.begin; kx < cols.end; kx++)
            add_products(x + ((iy + ky) * m->in_w + ix + kx) * m->in_c, p->layer.x_zero,
                         w + (ky * k->kernel_w + kx) * m->in_c, count, acc);
}

void myna_depthwise_s8(const struct depthwise *p, const int8_t *x, const int8_t *w,
                       const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                       int8_t *y) {
    const struct map *m = &p->map;
    int32_t first = 0;
#if MYNA_MVE
    if (myna_depthwise_lanes(p, x, w, bias, mantissa, shift, y))
        return;
#elif MYNA_DSP
    first = myna_depthwise_quads(p, x, w, bias, mantissa, shift, y);
#elif MYNA_SCALAR
    first = myna_depthwise_fours(p, x, w, bias, mantissa, shift, y);
#endif
    for (int32_t oy = 0; oy < m->out_h && first < m->out_c; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++)
            for (int32_t c = first; c < m->out_c; c += TILE) {
                int32_t acc[TILE] = {0}, count = fx_min32(TILE, m->out_c - c);
                window_sums(p, x + c, w + c, oy, ox, count, acc);
                int8_t *to = y + (oy * m->out_w + ox) * m->out_c + c;
                for (int32_t i = 0; i < count; i++)
                    to[i] =
                        layer_scale(&p->layer, acc[i] + bias[c + i], mantissa[c + i], shift[c + i]);
            }
    layer_clamp(&p->layer, y, (uint32_t)(m->out_h * m->out_w * m->out_c));
}

/* input gradients at pixel (iy, ix) of channels from dy and w on, before their channel's scale */
static void gather(const struct depthwise_grad_input *p, const int8_t *dy, const int8_t *w,
                   int32_t iy, int32_t ix, int32_t count, int32_t acc[TILE]) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    for (int32_t ky = 0; ky < k->kernel_h; ky++) {
        int32_t oy = output_of_tap(iy, ky, k->stride_h, k->pad_top, m->out_h);
        for (int32_t kx = 0; kx < k->kernel_w && oy >= 0; kx++) {
            int32_t ox = output_of_tap(ix, kx, k->stride_w, k->pad_left, m->out_w);
            if (ox >= 0)
                add_products(dy + (oy * m->out_w + ox) * m->out_c, 0,
                             w + (ky * k->kernel_w + kx) * m->in_c, count, acc);
        }
    }
}

void myna_depthwise_s8_grad_input(const struct depthwise_grad_input *p, const int8_t *dy,
                                  const int8_t *w, const int16_t *channel, const int32_t *scale,
                                  const int32_t *out, int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    int32_t first = 0;
#if MYNA_MVE
    if (myna_depthwise_grad_lanes(p, dy, w, channel, by, dx, peak))
        return;
#elif MYNA_DSP
    first = myna_depthwise_grad_quads(p, dy, w, channel, by, dx, &range);
#endif
    for (int32_t iy = 0; iy < m->in_h && first < m->in_c; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++)
            for (int32_t c = first; c < m->in_c; c += TILE) {
                int32_t acc[TILE] = {0}, count = fx_min32(TILE, m->in_c - c);
                gather(p, dy + c, w + c, iy, ix, count, acc);
                int8_t *to = dx + (iy * m->in_w + ix) * m->in_c + c;
                for (int32_t i = 0; i < count; i++)
                    to[i] = requantize_gradient(acc[i] * channel[c + i], by, &range);
            }
    *peak = range.peak;
}

/* weight gradients of tap (ky, kx), channels from x and dy on */
static void tap_gradients(const struct depthwise_update *p, const int8_t *x, const int8_t *dy,
                          int32_t ky, int32_t kx, int32_t count, int32_t acc[TILE]) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = outputs_of_tap(ky, k->stride_h, k->pad_top, m->in_h, m->out_h);
    struct span cols = outputs_of_tap(kx, k->stride_w, k->pad_left, m->in_w, m->out_w);
    for (int32_t oy = rows.begin; oy < rows.end; oy++)
        for (int32_t ox = cols.begin; ox < cols.end; ox++) {
            int32_t iy = oy * k->stride_h - k->pad_top + ky;
            int32_t ix = ox * k->stride_w - k->pad_left + kx;
            add_products(x + (iy * m->in_w + ix) * m->in_c, p->x_zero,
                         dy + (oy * m->out_w + ox) * m->out_c, count, acc);
        }
}

void myna_depthwise_s8_update(const struct depthwise_update *p, const int8_t *x, const int8_t *dy,
                              const int32_t *scale, const int32_t *steps, const int32_t *rate,
                              const int32_t *seed, const int32_t *step, int8_t *w,
                              int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    const int32_t channels = p->map.in_c;
    int32_t first = 0;
#if MYNA_MVE
    if (myna_depthwise_update_lanes(p, x, dy, &sgd, w, residual))
        return;
#elif MYNA_DSP
    first = myna_depthwise_update_quads(p, x, dy, &sgd, w, residual);
#endif
    for (int32_t c = first; c < channels; c += TILE) {
        const int32_t count = fx_min32(TILE, channels - c);
        struct fx_multiplier by[TILE];
        for (int32_t i = 0; i < count; i++)
            by[i] = sgd_channel(&sgd, (uint32_t)(c + i));
        for (int32_t tap = 0; tap < p->window.kernel_h * p->window.kernel_w; tap++) {
            int32_t acc[TILE] = {0};
            tap_gradients(p, x + c, dy + c, tap / p->window.kernel_w, tap % p->window.kernel_w,
                          count, acc);
            for (int32_t i = 0, index = tap * channels + c; i < count; i++, index++)
                sgd_apply(&w[index], &residual[index],
                          sgd_delta(&sgd, by[i], acc[i], (uint32_t)index));
        }
    }
}
