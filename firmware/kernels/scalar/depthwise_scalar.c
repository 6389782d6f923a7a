/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/scalar/depthwise_scalar.h"

#if MYNA_SCALAR
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

int32_t myna_depthwise_fours(const struct depthwise *p, const int8_t *x, const int8_t *w,
                             const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                             int8_t *y) {
    if (!can_take_four(&p->map, x, w))
        return 0;
    for (int32_t c = 0; c < p->map.out_c; c += CHUNK)
        channels_of_fours(p, x + c, w + c, bias + c, fx_min32(CHUNK, p->map.out_c - c),
                          mantissa + c, shift + c, y + c);
    return p->map.out_c;
}
#endif
