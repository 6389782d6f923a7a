/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/block.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_mve.h"
#include "kernels/pairs.h"

enum { BLOCK = 4 }; /* accumulators kept in registers */

/* acc[j] += sum over output channels of dy * channel * w[..., j] */
static void add_filters(const int8_t *dy, const int8_t *w, const int16_t *channel, int32_t out_c,
                        int32_t filter, int32_t block, int32_t *acc) {
    for (int32_t c = 0; c < out_c; c++, w += filter) {
        int32_t scaled = dy[c] * channel[c];
        for (int32_t j = 0; j < block; j++)
            acc[j] += scaled * w[j];
    }
}

/* the block of input gradients that begins at channel ci of pixel (iy, ix) */
static void gather(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                   const int16_t *channel, int32_t iy, int32_t ix, int32_t block, int32_t *acc) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    int32_t filter = k->kernel_h * k->kernel_w * m->in_c;
    for (int32_t ky = 0; ky < k->kernel_h; ky++) {
        int32_t oy = output_of_tap(iy, ky, k->stride_h, k->pad_top, m->out_h);
        if (oy < 0)
            continue;
        for (int32_t kx = 0; kx < k->kernel_w; kx++) {
            int32_t ox = output_of_tap(ix, kx, k->stride_w, k->pad_left, m->out_w);
            if (ox < 0)
                continue;
            const int8_t *pixel = dy + (oy * m->out_w + ox) * m->out_c;
            const int8_t *taps = w + (ky * k->kernel_w + kx) * m->in_c;
            add_filters(pixel, taps, channel, m->out_c, filter, block, acc);
        }
    }
}

#if !MYNA_MVE
/* input channel ci of a pointwise convolution as a column: its weights times their channel's scale
 */
static void lay_weights(const int8_t *w, const int16_t *channel, const struct map *m, int32_t ci,
                        uint32_t column, struct block_columns *columns) {
    w += ci;
    for (uint32_t c = 0u; c < m->out_c; c++, w += m->in_c)
        block_set(columns, column, c, channel[c] * *w);
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

/* Pointwise: dx of two channels at all pixels, whose dy are rows. */
static void two_channels(const struct map *m, const struct block_columns *columns, const int8_t *dy,
                         struct fx_multiplier by, int8_t *dx0, int8_t *dx1,
                         struct gradient_range *range) {
    uint32_t pixels = (uint32_t)(m->in_h * m->in_w);
    for (uint32_t i = 0u; i < pixels; i += BLOCK_ROWS) {
        int32_t acc[BLOCK_ROWS][2];
        uint32_t count = fx_minu32(BLOCK_ROWS, pixels - i);
        block_rows(columns, dy + i * m->out_c, m->out_c, count, acc);
        narrow_pairs(acc, count, by, dx0 + i * m->in_c, dx1 + i * m->in_c, m->in_c, range);
    }
}

static bool pointwise_grad_input(const struct map *m, const int8_t *dy, const int8_t *w,
                                 const int16_t *channel, struct fx_multiplier by, int8_t *dx,
                                 int32_t *peak) {
    struct block_columns columns;
    struct gradient_range range = {0, 0};
    if (m->out_c > BLOCK_TERMS)
        return false;
    for (int32_t i = 0, last = m->in_c - 1; i <= last; i += 2) {
        int32_t j = fx_min32(i + 1, last); /* an odd last one is computed twice */
        lay_weights(w, channel, m, i, 0u, &columns);
        lay_weights(w, channel, m, j, 1u, &columns);
        two_channels(m, &columns, dy, by, dx + i, dx + j, &range);
    }
    *peak = range.peak;
    return true;
}
#endif

void conv2d_s8_grad_input(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                          const int16_t *channel, const int32_t *scale, const int32_t *out,
                          int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    if (is_pointwise(m, &p->window) && pointwise_grad_input(m, dy, w, channel, by, dx, peak))
        return;
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++)
            for (int32_t ci = 0; ci < m->in_c; ci += BLOCK) {
                int32_t acc[BLOCK] = {0};
                int32_t block = fx_min32(BLOCK, m->in_c - ci);
                gather(p, dy, w + ci, channel, iy, ix, block, acc);
                for (int32_t j = 0; j < block; j++)
                    *dx++ = requantize_gradient(acc[j], by, &range);
            }
    *peak = range.peak;
}
