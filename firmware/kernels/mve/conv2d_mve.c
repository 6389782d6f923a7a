/* SPDX-License-Identifier: Apache-2.0 */
/* Forward and input gradient as products of columns of the map and rows of the weights. */
#include "kernels/mve/conv2d_mve.h"
#include "kernels/conv2d.h"

#if MYNA_MVE
#include <arm_mve.h>
#include <string.h>

/* bytes of a column that are in scratch at a time */
enum { COLUMN = 512 };

/* Elements k.begin <= i < k.end of what the window sees at an output position; x_zero where that is
   padding, so that it adds nothing. */
static const int8_t *seen(const struct conv2d *p, const int8_t *x, int32_t pixel, struct span k,
                          int8_t *scratch) {
    const struct map m = p->map; /* which stores to the scratch cannot change */
    const struct window s = p->window;
    const int32_t oy = pixel / m.out_w, ox = pixel % m.out_w;
    const struct span rows = taps_inside(oy, s.stride_h, s.pad_top, s.kernel_h, m.in_h);
    const struct span cols = taps_inside(ox, s.stride_w, s.pad_left, s.kernel_w, m.in_w);
    const int32_t iy = oy * s.stride_h - s.pad_top, ix = ox * s.stride_w - s.pad_left;
    const int32_t left = cols.begin * m.in_c, right = cols.end * m.in_c;
    const int32_t size = k.end - k.begin, line = m.in_w * m.in_c, row = s.kernel_w * m.in_c;
    int32_t from = (iy + rows.begin) * line + ix * m.in_c; /* where the row of taps falls in x, */
    int32_t to = rows.begin * row - k.begin;               /* and in the scratch */
    memset(scratch, p->layer.x_zero, (size_t)size);
    for (int32_t n = rows.end - rows.begin; n > 0; n--, from += line, to += row) {
        const int32_t begin = fx_max32(0, to + left), end = fx_min32(size, to + right);
        if (begin < end)
            copy_s8(scratch + begin, x + from + (begin - to), end - begin);
    }
    return scratch;
}

/* TALL outputs of `count` channels, from `pixel` on; weights and the like begin at the first */
static void forward_block(const struct conv2d *p, const int8_t *x, int32_t pixel, const int8_t *w,
                          int32_t count, const int32_t *start, const int32_t *mantissa,
                          const int32_t *shift, int8_t *y) {
    const int32_t last = p->map.out_h * p->map.out_w - 1;
    const int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    const bool plain = is_pointwise(&p->map, &p->window);
    int32_t acc[TALL][WIDE];
    int8_t scratch[TALL][COLUMN];
    const int8_t *columns[TALL];
    for (int32_t i = 0; i < count; i += 4)
        for (int32_t row = 0; row < TALL; row++)
            vstrwq_s32(acc[row] + i, vldrwq_s32(start + i));
    for (struct span k = {0, 0}; k.begin < filter; k.begin = k.end) {
        k.end = fx_min32(k.begin + COLUMN, filter);
        for (int32_t i = 0; i < TALL; i++) {
            const int32_t at = fx_min32(pixel + i, last);
            columns[i] = plain ? x + at * p->map.in_c + k.begin : seen(p, x, at, k, scratch[i]);
        }
        myna_dots_s8(columns, w + k.begin, filter, k.end - k.begin, count, acc);
    }
    for (int32_t i = 0; i < TALL && pixel + i <= last; i++)
        myna_layer_row(&p->layer, count, acc[i], mantissa, shift, y + (pixel + i) * p->map.out_c);
}

void myna_conv2d_s8(const struct conv2d *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                    const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    const int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    const int32_t pixels = p->map.out_h * p->map.out_w;
    for (int32_t c = 0; c < p->map.out_c; c += WIDE) {
        const int32_t count = fx_min32(WIDE, p->map.out_c - c);
        int32_t start[WIDE]; /* the bias less what the zero point adds to the products */
        for (int32_t i = 0; i < count; i++)
            start[i] = bias[c + i] - p->layer.x_zero * myna_sum_s8(w + (c + i) * filter, filter);
        for (int32_t pixel = 0; pixel < pixels; pixel += TALL)
            forward_block(p, x, pixel, w + c * filter, count, start, mantissa + c, shift + c,
                          y + c);
    }
}

/* folded weights in scratch, and pixels of a block */
enum { FOLDED = 1024, PIXELS = 4 * TALL };

/* folded[folded_index(i, c)] = channel[c] * w of output channel c and input channel i; fits int16
   because channel is at most 256. Zero where the last pair of columns lacks one. */
static void fold(const struct map *m, const int8_t *w, const int16_t *channel, int32_t count,
                 int16_t *folded) {
    const int32_t pair = folded_index(2, 0, m->out_c);
    const uint16x8_t lane = vidupq_n_u16(0, 1);
    const uint16x8_t offsets = vaddq_u16(vmulq_n_u16(vshrq_n_u16(lane, 1), (uint16_t)pair),
                                         vshlq_n_u16(vandq_u16(lane, vdupq_n_u16(1)), 3));
    for (int32_t i = 0; i < count; i += 8, folded += 4 * pair) {
        const mve_pred16_t columns = vctp16q((uint32_t)(count - i));
        const mve_pred16_t pairs = vctp16q((uint32_t)((count - i + 1) & ~1));
        for (int32_t c = 0; c < m->out_c; c++) {
            int16x8_t scaled = vldrbq_z_s16(w + i + c * m->in_c, columns);
            scaled = vmulq_n_s16(scaled, channel[c]);
            vstrhq_scatter_shifted_offset_p_s16(folded + folded_index(0, c, 0), offsets, scaled,
                                                pairs);
        }
    }
}

/* `count` input channels of all pixels; dx begins at the first */
static void grad_input_tile(const struct map *m, const int8_t *dy, const int16_t *folded,
                            struct fx_multiplier by, int32_t count, int8_t *dx, int32_t *peak) {
    const int32_t pixels = m->in_h * m->in_w;
    int32_t acc[PIXELS][NARROW] = {0};
    for (int32_t first = 0; first < pixels; first += PIXELS) {
        const int32_t rows = fx_min32(PIXELS, pixels - first);
        const int8_t *from = dy + first * m->out_c;
        for (int32_t i = 0; i < rows; i += TALL) {
            const int8_t *columns[TALL];
            for (int32_t j = 0; j < TALL; j++)
                columns[j] = from + fx_min32(i + j, rows - 1) * m->out_c;
            myna_dots_s8_s16(columns, folded, m->out_c, count, acc + i);
        }
        myna_gradient_rows(by, rows, count, acc[0], dx + first * m->in_c, m->in_c, peak);
    }
}

bool myna_pointwise_grad_input(const struct map *m, const int8_t *dy, const int8_t *w,
                               const int16_t *channel, struct fx_multiplier by, int8_t *dx,
                               int32_t *peak) {
    const int32_t pair = folded_index(2, 0, m->out_c);
    int16_t folded[FOLDED];
    if (pair > FOLDED)
        return false;
    *peak = 0;
    for (int32_t ci = 0, count; ci < m->in_c; ci += count) {
        count = fx_min32(fx_min32(NARROW, FOLDED / pair * 2), m->in_c - ci);
        fold(m, w + ci, channel, count, folded);
        grad_input_tile(m, dy, folded, by, count, dx + ci, peak);
    }
    return true;
}

#endif
