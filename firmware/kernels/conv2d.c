/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv2d.h"

#include <string.h>

#include "kernels/block.h"

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
        myna_block_rows(columns, w + c * filter, filter, filter, count, acc);
        finish_pixels(&p->layer, acc, count, bias + c, mantissa + c, shift + c, y0 + c, y1 + c);
    }
}

/* all channels of one */
static void one_pixel(const struct conv2d *p, const struct block_columns *columns, const int8_t *w,
                      const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                      int8_t *y) {
    const struct layer own = p->layer; /* values that stores to y cannot change */
    uint32_t filter = (uint32_t)(p->window.kernel_h * p->window.kernel_w * p->map.in_c);
    for (uint32_t first = 0u; first < p->map.out_c; first += BLOCK_ROWS) {
        int32_t acc[BLOCK_ROWS][2];
        uint32_t count = fx_minu32(BLOCK_ROWS, p->map.out_c - first);
        myna_block_rows_of_one(columns, w + first * filter, filter, filter, count, acc);
        for (uint32_t i = 0u, c = first; i < count; i++, c++)
            y[c] = layer_scale(&own, acc[i][0] + bias[c], mantissa[c], shift[c]);
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

void myna_conv2d_s8(const struct conv2d *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                    const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    struct block_columns columns;
    int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    int32_t pixels = p->map.out_h * p->map.out_w;
    for (int32_t i = 0; i < pixels && filter > BLOCK_TERMS; i++)
        finish_large(p, x, w, bias, mantissa, shift, i, y + i * p->map.out_c);
    for (int32_t i = 0; i < pixels && filter <= BLOCK_TERMS; i += 2) {
        int8_t *y0 = y + i * p->map.out_c;
        lay_window(p, x, i, 0u, &columns);
        if (i + 1 == pixels) {
            one_pixel(p, &columns, w, bias, mantissa, shift, y0);
            continue;
        }
        lay_window(p, x, i + 1, 1u, &columns);
        two_pixels(p, &columns, w, bias, mantissa, shift, y0, y0 + p->map.out_c);
    }
    layer_clamp(&p->layer, y, (uint32_t)(p->map.out_h * p->map.out_w * p->map.out_c));
}

#endif
