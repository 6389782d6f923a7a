/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/block.h"
#include "kernels/conv2d.h"
#include "kernels/mve/conv2d_mve.h"
#include "kernels/pairs.h"

/* Two input channels of one tap as columns: weights from w0 and w1 on, one per output channel and
 * `filter` apart, times their channel's scale. */
static void lay_weights(const int8_t *w0, const int8_t *w1, int32_t filter, const int16_t *channel,
                        int32_t out_c, struct block_columns *columns) {
    for (int32_t c = 0; c < out_c; c++) {
        block_set(columns, 0u, (uint32_t)c, channel[c] * w0[c * filter]);
        block_set(columns, 1u, (uint32_t)c, channel[c] * w1[c * filter]);
    }
}

/* gradients of two channels at `count` pixels, `stride` apart */
static void narrow_pairs(int32_t (*acc)[2], uint32_t count, struct fx_multiplier by, int8_t *dx0,
                         int8_t *dx1, uint32_t stride, struct gradient_range *range) {
    struct gradient_range own = *range; /* which stores to dx cannot change */
    for (uint32_t r = 0u; r < count; r++) {
        int32_t first, second;
        if (by.shift > 32) {
            first = fx_scale_down(acc[r][0], by);
            second = fx_scale_down(acc[r][1], by);
        } else {
            first = fx_scale32(acc[r][0], by);
            second = fx_scale32(acc[r][1], by);
        }
        dx0[r * stride] = (int8_t)gradient_narrow(first, &own);
        dx1[r * stride] = (int8_t)gradient_narrow(second, &own);
    }
    *range = own;
}

#if !MYNA_MVE
/* Pointwise: dx of two channels at all pixels, whose dy are rows. */
static void two_channels(const struct map *m, const struct block_columns *columns, const int8_t *dy,
                         struct fx_multiplier by, int8_t *dx0, int8_t *dx1,
                         struct gradient_range *range) {
    uint32_t pixels = (uint32_t)(m->in_h * m->in_w);
    for (uint32_t i = 0u; i < pixels; i += BLOCK_ROWS) {
        int32_t acc[BLOCK_ROWS][2];
        uint32_t count = fx_minu32(BLOCK_ROWS, pixels - i);
        myna_block_rows(columns, dy + i * m->out_c, m->out_c, m->out_c, count, acc);
        narrow_pairs(acc, count, by, dx0 + i * m->in_c, dx1 + i * m->in_c, m->in_c, range);
    }
}

static bool myna_pointwise_grad_input(const struct map *m, const int8_t *dy, const int8_t *w,
                                      const int16_t *channel, struct fx_multiplier by, int8_t *dx,
                                      int32_t *peak) {
    struct block_columns columns;
    struct gradient_range range = {0, 0};
    if (m->out_c > BLOCK_TERMS)
        return false;
    for (int32_t i = 0, last = m->in_c - 1; i <= last; i += 2) {
        int32_t j = fx_min32(i + 1, last); /* an odd last one is computed twice */
        lay_weights(w + i, w + j, m->in_c, channel, m->out_c, &columns);
        two_channels(m, &columns, dy, by, dx + i, dx + j, &range);
    }
    *peak = range.peak;
    return true;
}
#endif

/* Two channels of a stretch of a row of dx. */
struct stretch {
    int32_t iy, ix, count; /* its first pixel, and how many it has, at most BLOCK_ROWS */
    int32_t first, second; /* the channels */
};

/* Adds what a tap brings: the pixels that it reaches see consecutive pixels of a row of dy. */
static void add_tap(const struct conv2d_grad_input *p, const struct stretch *s, const int8_t *dy,
                    const int8_t *w, const int16_t *channel, int32_t kx, int32_t (*acc)[2]) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    const int32_t filter = k->kernel_h * k->kernel_w * m->in_c, left = k->pad_left + s->ix;
    struct span cols = outputs_of_tap(kx, k->stride_w, left, s->count, m->out_w);
    acc += cols.begin * k->stride_w - left + kx;
    for (int32_t c = 0; c < m->out_c && cols.begin < cols.end; c += BLOCK_TERMS) {
        struct block_columns columns;
        int32_t part[BLOCK_ROWS][2], terms = fx_min32(BLOCK_TERMS, m->out_c - c);
        const int8_t *from = w + c * filter;
        lay_weights(from + s->first, from + s->second, filter, channel + c, terms, &columns);
        myna_block_rows(&columns, dy + cols.begin * m->out_c + c, m->out_c, (uint32_t)terms,
                        (uint32_t)(cols.end - cols.begin), part);
        for (int32_t i = 0; i < cols.end - cols.begin; i++) {
            acc[i * k->stride_w][0] += part[i][0];
            acc[i * k->stride_w][1] += part[i][1];
        }
    }
}

static void stretch_gradients(const struct conv2d_grad_input *p, const struct stretch *s,
                              const int8_t *dy, const int8_t *w, const int16_t *channel,
                              int32_t (*acc)[2]) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    memset(acc, 0, (size_t)s->count * sizeof *acc);
    for (int32_t ky = 0; ky < k->kernel_h; ky++) {
        int32_t oy = output_of_tap(s->iy, ky, k->stride_h, k->pad_top, m->out_h);
        for (int32_t kx = 0; kx < k->kernel_w && oy >= 0; kx++)
            add_tap(p, s, dy + oy * m->out_w * m->out_c, w + (ky * k->kernel_w + kx) * m->in_c,
                    channel, kx, acc);
    }
}

static void windowed_grad_input(const struct conv2d_grad_input *p, const int8_t *dy,
                                const int8_t *w, const int16_t *channel, struct fx_multiplier by,
                                int8_t *dx, struct gradient_range *range) {
    const struct map *m = &p->map;
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix += BLOCK_ROWS)
            for (int32_t i = 0, last = m->in_c - 1; i <= last; i += 2) {
                const struct stretch s = {iy, ix, fx_min32(BLOCK_ROWS, m->in_w - ix), i,
                                          fx_min32(i + 1, last)}; /* an odd last one twice */
                int32_t acc[BLOCK_ROWS][2];
                stretch_gradients(p, &s, dy, w, channel, acc);
                int8_t *to = dx + (iy * m->in_w + ix) * m->in_c;
                narrow_pairs(acc, (uint32_t)s.count, by, to + i, to + s.second, m->in_c, range);
            }
}

void myna_conv2d_s8_grad_input(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                               const int16_t *channel, const int32_t *scale, const int32_t *out,
                               int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    if (is_pointwise(m, &p->window) && myna_pointwise_grad_input(m, dy, w, channel, by, dx, peak))
        return;
    windowed_grad_input(p, dy, w, channel, by, dx, &range);
    *peak = range.peak;
}
