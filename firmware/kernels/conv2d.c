/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv2d.h"

#include <string.h>

#include "kernels/block.h"
#include "kernels/conv2d_mve.h"
#include "kernels/sgd.h"

enum { BLOCK = 4 }; /* accumulators kept in registers */

#if !MYNA_MVE /* conv2d_mve.c has it */
static int32_t dot(const int8_t *x, const int8_t *w, int32_t size, int32_t x_zero) {
    int32_t acc = 0;
    for (int32_t i = 0; i < size; i++)
        acc += (x[i] - x_zero) * w[i];
    return acc;
}

/* sum over the window at (oy, ox); each row of taps is contiguous in x and in w */
static int32_t window_sum(const struct conv2d *p, const int8_t *x, const int8_t *w, int32_t oy,
                          int32_t ox) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
    struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
    int32_t row_size = (cols.end - cols.begin) * m->in_c;
    int32_t acc = 0;
    for (int32_t ky = rows.begin; ky < rows.end; ky++) {
        int32_t iy = oy * k->stride_h - k->pad_top + ky;
        int32_t ix = ox * k->stride_w - k->pad_left + cols.begin;
        acc += dot(x + (iy * m->in_w + ix) * m->in_c, w + (ky * k->kernel_w + cols.begin) * m->in_c,
                   row_size, p->layer.x_zero);
    }
    return acc;
}

/* one pixel's window of x, less its zero point, as a column; padding is 0 */
static void lay_window(const struct conv2d *p, const int8_t *x, int32_t pixel, uint32_t column,
                       struct block_columns *columns) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    int32_t oy = pixel / m->out_w, ox = pixel % m->out_w;
    struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
    struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
    int32_t row = k->kernel_w * m->in_c, begin = cols.begin * m->in_c, end = cols.end * m->in_c;
    int32_t iy = oy * k->stride_h - k->pad_top, ix = ox * k->stride_w - k->pad_left;
    const int8_t *source = x + (iy * m->in_w + ix) * m->in_c;
    int8_t gathered[BLOCK_TERMS];
    if (k->kernel_h != 1 || end - begin != row) {
        memset(gathered, p->layer.x_zero, (size_t)(k->kernel_h * row));
        for (int32_t ky = rows.begin; ky < rows.end; ky++)
            memcpy(gathered + ky * row + begin, source + ky * m->in_w * m->in_c + begin,
                   (size_t)(end - begin));
        source = gathered;
    }
    block_set_all(columns, column, source, (uint32_t)(k->kernel_h * row), p->layer.x_zero);
}

/* channels first … first + count - 1 of two pixels of y */
static void finish_pixels(const struct layer *layer, int32_t (*acc)[2], uint32_t count,
                          const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                          int8_t *y0, int8_t *y1) {
    const struct layer own = *layer; /* values that stores to y cannot change */
    for (uint32_t c = 0u; c < count; c++) {
        int8_t first = layer_scale(&own, acc[c][0] + bias[c], mantissa[c], shift[c]);
        int8_t second = layer_scale(&own, acc[c][1] + bias[c], mantissa[c], shift[c]);
        y0[c] = first;
        y1[c] = second;
    }
}

/* all channels of two pixels of y */
static void two_pixels(const struct conv2d *p, const struct block_columns *columns, const int8_t *w,
                       const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                       int8_t *y0, int8_t *y1) {
    uint32_t filter = (uint32_t)(p->window.kernel_h * p->window.kernel_w * p->map.in_c);
    for (uint32_t c = 0u; c < p->map.out_c; c += BLOCK_ROWS) {
        int32_t acc[BLOCK_ROWS][2];
        uint32_t count = fx_minu32(BLOCK_ROWS, p->map.out_c - c);
        block_rows(columns, w + c * filter, filter, count, acc);
        finish_pixels(&p->layer, acc, count, bias + c, mantissa + c, shift + c, y0 + c, y1 + c);
    }
}

/* a filter too large for a column */
static void finish_large(const struct conv2d *p, const int8_t *x, const int8_t *w,
                         const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                         int32_t pixel, int8_t *y) {
    int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    for (int32_t c = 0; c < p->map.out_c; c++) {
        int32_t sum = window_sum(p, x, w + c * filter, pixel / p->map.out_w, pixel % p->map.out_w);
        y[c] = layer_scale(&p->layer, bias[c] + sum, mantissa[c], shift[c]);
    }
}

void conv2d_s8(const struct conv2d *p, const int8_t *x, const int8_t *w, const int32_t *bias,
               const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    struct block_columns columns;
    int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    for (int32_t i = 0, last = p->map.out_h * p->map.out_w - 1; i <= last; i += 2) {
        int32_t j = fx_min32(i + 1, last);
        int8_t *y0 = y + i * p->map.out_c, *y1 = y + j * p->map.out_c;
        if (filter > BLOCK_TERMS) {
            finish_large(p, x, w, bias, mantissa, shift, i, y0);
            finish_large(p, x, w, bias, mantissa, shift, j, y1);
            continue;
        }
        lay_window(p, x, i, 0u, &columns);
        lay_window(p, x, j, 1u, &columns);
        two_pixels(p, &columns, w, bias, mantissa, shift, y0, y1);
    }
    layer_clamp(&p->layer, y, (uint32_t)(p->map.out_h * p->map.out_w * p->map.out_c));
}

#endif

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
        dx0[r * stride] = gradient_narrow(first, &own);
        dx1[r * stride] = gradient_narrow(second, &own);
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

#if !MYNA_MVE /* conv2d_update_mve.c has it */
/* Terms begin … begin + count - 1 of weight element j of any output channel: the inputs that it
 * meets at these pixels of the output, less the zero point; padding is 0. */
static void lay_inputs(const struct conv2d_update *p, const int8_t *x, uint32_t j, uint32_t begin,
                       uint32_t count, int16_t *column) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    uint32_t row = (uint32_t)(k->kernel_w * m->in_c);
    int32_t ky = (int32_t)(j / row), kx = (int32_t)(j % row / m->in_c);
    int32_t oy = (int32_t)(begin / m->out_w), ox = (int32_t)(begin % m->out_w);
    struct span rows = outputs_of_tap(ky, k->stride_h, k->pad_top, m->in_h, m->out_h);
    struct span cols = outputs_of_tap(kx, k->stride_w, k->pad_left, m->in_w, m->out_w);
    x += (ky - k->pad_top) * m->in_w * m->in_c + (kx - k->pad_left) * m->in_c +
         (int32_t)(j % m->in_c);
    uint32_t t = 0u;
    for (; t < count; oy++, ox = 0) {
        const int8_t *line = x + oy * k->stride_h * m->in_w * m->in_c;
        bool inside = rows.begin <= oy && oy < rows.end;
        for (; ox < m->out_w && t < count; ox++, t++)
            column[t] = inside && cols.begin <= ox && ox < cols.end
                            ? (int16_t)(line[ox * k->stride_w * m->in_c] - p->x_zero)
                            : 0;
    }
    for (; t % 4u != 0u; t++)
        column[t] = 0;
}

enum { UPDATE_CHANNELS = 4, UPDATE_RATES = 64 };

/* What the update works on: columns of inputs, and of the gradients of a few output channels. */
struct update_scratch {
    _Alignas(8) int16_t x[WIDE_COLUMNS][WIDE_TERMS];
    _Alignas(8) int16_t dy[UPDATE_CHANNELS][WIDE_TERMS];
    int32_t acc[UPDATE_CHANNELS][WIDE_COLUMNS];
};

/* inputs of weight elements first … first + size - 1 */
static void lay_block(const struct conv2d_update *p, const int8_t *x, uint32_t first, uint32_t size,
                      uint32_t begin, uint32_t count, struct update_scratch *scratch) {
    const uint32_t in_c = p->map.in_c;
    if ((size & 1u) != 0u)
        memset(scratch->x[size], 0, sizeof scratch->x[size]);
    for (uint32_t j = 0u; j < size; j += WIDE_LAY)
        if (is_pointwise(&p->map, &p->window))
            block_lay(&scratch->x[j], x + begin * in_c + first + j, fx_minu32(WIDE_LAY, size - j),
                      in_c, count, p->x_zero);
        else
            for (uint32_t i = j; i < fx_minu32(j + WIDE_LAY, size); i++)
                lay_inputs(p, x, first + i, begin, count, scratch->x[i]);
}

/* acc = gradients of `size` weight elements of up to UPDATE_CHANNELS output channels. Where one
 * tile holds all pixels, the caller has laid their inputs out, once for all output channels. */
static void weight_gradients(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                             uint32_t first, uint32_t size, uint32_t channels,
                             struct update_scratch *scratch) {
    const uint32_t out_c = p->map.out_c, pixels = (uint32_t)(p->map.out_h * p->map.out_w);
    memset(scratch->acc, 0, sizeof scratch->acc);
    for (uint32_t t = 0u; t < pixels; t += WIDE_TERMS) {
        uint32_t count = fx_minu32(WIDE_TERMS, pixels - t);
        if (pixels > WIDE_TERMS)
            lay_block(p, x, first, size, t, count, scratch);
        if ((channels & 1u) != 0u)
            memset(scratch->dy[channels], 0, sizeof scratch->dy[channels]);
        block_lay(scratch->dy, dy + t * out_c, channels, out_c, count, 0);
        for (uint32_t c = 0u; c < channels; c += 2u)
            block_wide(scratch->x, &scratch->dy[c], (size + 1u) / 2u, (count + 3u) / 4u,
                       &scratch->acc[c]);
    }
}

/* updates the weights of up to UPDATE_RATES output channels from c on */
static void update_channels(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                            const struct sgd *sgd, uint32_t c, int8_t *w, int8_t *residual) {
    const uint32_t filter = (uint32_t)(p->window.kernel_h * p->window.kernel_w * p->map.in_c);
    const uint32_t pixels = (uint32_t)(p->map.out_h * p->map.out_w);
    const uint32_t count = fx_minu32(UPDATE_RATES, p->map.out_c - c);
    struct fx_multiplier by[UPDATE_RATES];
    struct update_scratch scratch;
    for (uint32_t i = 0u; i < count; i++)
        by[i] = sgd_channel(sgd, c + i);
    for (uint32_t j = 0u; j < filter; j += WIDE_COLUMNS) {
        uint32_t size = fx_minu32(WIDE_COLUMNS, filter - j);
        if (pixels <= WIDE_TERMS)
            lay_block(p, x, j, size, 0u, pixels, &scratch);
        for (uint32_t i = 0u; i < count; i += UPDATE_CHANNELS) {
            uint32_t channels = fx_minu32(UPDATE_CHANNELS, count - i);
            weight_gradients(p, x, dy + c + i, j, size, channels, &scratch);
            for (uint32_t d = 0u; d < channels; d++) {
                uint32_t index = (c + i + d) * filter + j;
                sgd_row(sgd, by[i + d], scratch.acc[d], index, size, w + index, residual + index);
            }
        }
    }
}

void conv2d_s8_update(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                      const int32_t *scale, const int32_t *steps, const int32_t *rate,
                      const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t c = 0u; c < p->map.out_c; c += UPDATE_RATES)
        update_channels(p, x, dy, &sgd, c, w, residual);
}
#endif
