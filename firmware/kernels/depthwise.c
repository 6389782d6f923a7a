/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/depthwise.h"

#include "kernels/dsp/depthwise_dsp.h"
#include "kernels/mve/depthwise_mve.h"

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

#if UINTPTR_MAX == UINT32_MAX && !MYNA_DSP && !MYNA_MVE
/* Cores without vectors keep four channels of an output in registers. */
typedef uint32_t __attribute__((may_alias)) four_bytes;

enum { CHUNK = 64 }; /* channels at a time */

/* Where a window lies: the taps inside, and words from one to the next. */
struct place {
    int32_t rows, columns, step, x_row, w_row;
};

/* acc[i] += (x[i] - zero) * w[i] over a window */
static inline __attribute__((always_inline)) void window_of_four(const four_bytes *x,
                                                                 const four_bytes *w, int32_t zero,
                                                                 const struct place *in,
                                                                 int32_t acc[4]) {
    for (int32_t row = in->rows; row > 0; row--, x += in->x_row, w += in->w_row) {
        const four_bytes *at = x, *by = w;
        for (int32_t i = in->columns; i > 0; i--, at += in->step, by += in->step) {
            const uint32_t some = *at, weights = *by;
#pragma GCC unroll 4
            for (int32_t k = 0; k < 4; k++)
                acc[k] += ((int8_t)(some >> 8 * k) - zero) * (int8_t)(weights >> 8 * k);
        }
    }
}

/* of whole windows: bias less zero times the weights; `count` channels */
static void offsets_of(const struct depthwise *p, const int8_t *w, const int32_t *bias,
                       int32_t count, int32_t offset[CHUNK]) {
    const int32_t taps = p->window.kernel_h * p->window.kernel_w;
    for (int32_t c = 0; c < count; c++) {
        int32_t sum = 0;
        for (int32_t tap = 0; tap < taps; tap++)
            sum += w[tap * p->map.in_c + c];
        offset[c] = bias[c] - p->layer.x_zero * sum;
    }
}

static bool can_take_four(const struct map *m, const int8_t *x, const int8_t *w) {
    return m->in_c % 4 == 0 && (((uintptr_t)x | (uintptr_t)w) & 3u) == 0u;
}

/* one output of some channels */
static inline void output_of_fours(const struct depthwise *p, const four_bytes *x,
                                   const four_bytes *w, const struct place *in, bool is_whole,
                                   const int32_t *start, int32_t count, const int32_t *mantissa,
                                   const int32_t *shift, int8_t *y) {
    for (int32_t c = 0; c < count; c += 4) {
        int32_t acc[4] = {start[c], start[c + 1], start[c + 2], start[c + 3]};
        if (is_whole)
            window_of_four(x++, w++, 0, in, acc);
        else
            window_of_four(x++, w++, p->layer.x_zero, in, acc);
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++)
            *y++ = layer_scale(&p->layer, acc[i], mantissa[c + i], shift[c + i]);
    }
}

/* some channels, of which `x` and all else begin with the first */
static void channels_of_fours(const struct depthwise *p, const int8_t *x, const int8_t *w,
                              const int32_t *bias, int32_t count, const int32_t *mantissa,
                              const int32_t *shift, int8_t *y) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    const int32_t step = m->in_c / 4;
    int32_t offset[CHUNK];
    offsets_of(p, w, bias, count, offset);
    for (int32_t oy = 0; oy < m->out_h; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++, y += m->out_c) {
            struct area a = area_inside(m, k, oy, ox);
            int32_t iy = oy * k->stride_h - k->pad_top + a.rows.begin;
            int32_t ix = ox * k->stride_w - k->pad_left + a.columns.begin;
            int32_t tap = a.rows.begin * k->kernel_w + a.columns.begin;
            const struct place in = {a.rows.end - a.rows.begin, a.columns.end - a.columns.begin,
                                     step, m->in_w * step, k->kernel_w * step};
            bool is_whole = in.rows == k->kernel_h && in.columns == k->kernel_w;
            output_of_fours(p, (const four_bytes *)(const void *)x + (iy * m->in_w + ix) * step,
                            (const four_bytes *)(const void *)w + tap * step, &in, is_whole,
                            is_whole ? offset : bias, count, mantissa, shift, y);
        }
}

/* the first channels; returns how many */
static int32_t depthwise_fours(const struct depthwise *p, const int8_t *x, const int8_t *w,
                               const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                               int8_t *y) {
    if (!can_take_four(&p->map, x, w))
        return 0;
    for (int32_t c = 0; c < p->map.out_c; c += CHUNK)
        channels_of_fours(p, x + c, w + c, bias + c, fx_min32(CHUNK, p->map.out_c - c),
                          mantissa + c, shift + c, y + c);
    return p->map.out_c;
}
#else
static int32_t depthwise_fours(const struct depthwise *p, const int8_t *x, const int8_t *w,
                               const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                               int8_t *y) {
    (void)p, (void)x, (void)w, (void)bias, (void)mantissa, (void)shift, (void)y;
    return 0;
}
#endif

void myna_depthwise_s8(const struct depthwise *p, const int8_t *x, const int8_t *w,
                       const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                       int8_t *y) {
    const struct map *m = &p->map;
    int32_t first = depthwise_fours(p, x, w, bias, mantissa, shift, y);
#if MYNA_MVE
    if (myna_depthwise_lanes(p, x, w, bias, mantissa, shift, y))
        return;
#elif MYNA_DSP
    first = myna_depthwise_quads(p, x, w, bias, mantissa, shift, y);
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
