/* SPDX-License-Identifier: Apache-2.0 */
/* Weight gradient and update: dot products over positions, of transposed maps. */
#include "kernels/conv2d.h"
#include "kernels/mve/helium_mve.h"
#include "kernels/sgd.h"

#if MYNA_MVE
#include <arm_mve.h>
#include <string.h>

/* scratch: so many elements of the filters, at so many positions at a time */
enum { TAPS = 16, POSITIONS = 128 };

/* What element `tap` of the filters sees at the output positions k; x_zero where that is padding.
 */
static void seen(const struct conv2d_update *p, const int8_t *x, int32_t tap, struct span k,
                 int8_t *to) {
    const struct map *m = &p->map;
    const struct window *s = &p->window;
    const int32_t ky = tap / (s->kernel_w * m->in_c), kx = tap / m->in_c % s->kernel_w;
    const int8_t *channel = x + tap % m->in_c;
    if (is_pointwise(m, s)) {
        myna_gather_s8(to, channel + k.begin * m->in_c, m->in_c, k.end - k.begin);
        return;
    }
    const struct span rows = outputs_of_tap(ky, s->stride_h, s->pad_top, m->in_h, m->out_h);
    const struct span cols = outputs_of_tap(kx, s->stride_w, s->pad_left, m->in_w, m->out_w);
    memset(to, p->x_zero, (size_t)(k.end - k.begin));
    for (int32_t oy = rows.begin; oy < rows.end; oy++) {
        const int32_t row = oy * m->out_w;
        const int32_t begin = fx_max32(k.begin, row + cols.begin);
        const int32_t end = fx_min32(k.end, row + cols.end);
        const int32_t iy = oy * s->stride_h - s->pad_top + ky;
        const int32_t ix = (begin - row) * s->stride_w - s->pad_left + kx;
        if (begin < end)
            myna_gather_s8(to + begin - k.begin, channel + (iy * m->in_w + ix) * m->in_c,
                           s->stride_w * m->in_c, end - begin);
    }
}

/* acc += gradients of the weights of TALL output channels for some elements of their filters */
static void gradients(const struct conv2d_update *p, const int8_t *dy, int32_t channels,
                      const int8_t *seen_by, struct span k, int32_t count,
                      int32_t acc[TALL][WIDE]) {
    int8_t transposed[TALL][POSITIONS];
    const int8_t *rows[TALL];
    const int32_t size = k.end - k.begin;
    for (int32_t i = 0; i < TALL; i++) {
        rows[i] = transposed[i];
        myna_gather_s8(transposed[i], dy + k.begin * p->map.out_c + fx_min32(i, channels - 1),
                       p->map.out_c, size);
        myna_add_s32(acc[i], -p->x_zero * myna_sum_s8(transposed[i], size), count);
    }
    myna_dots_s8(rows, seen_by, POSITIONS, size, count, acc);
}

/* the update of some elements of all filters, from element `tap` on */
static void update_tile(const struct conv2d_update *p, const struct sgd *sgd, const int8_t *x,
                        const int8_t *dy, int32_t tap, int32_t count, int8_t *w, int8_t *residual) {
    const int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    const int32_t positions = p->map.out_h * p->map.out_w;
    int8_t inputs[TAPS][POSITIONS];
    int32_t in_scratch = -1; /* where the positions in `inputs` begin */
    for (int32_t c = 0; c < p->map.out_c; c += TALL) {
        int32_t acc[TALL][WIDE];
        const int32_t channels = fx_min32(TALL, p->map.out_c - c);
        for (int32_t i = 0; i < count; i += 4)
            for (int32_t row = 0; row < TALL; row++)
                vstrwq_s32(acc[row] + i, vdupq_n_s32(0));
        for (struct span k = {0, 0}; k.begin < positions; k.begin = k.end) {
            k.end = fx_min32(k.begin + POSITIONS, positions);
            for (int32_t i = 0; i < count && in_scratch != k.begin; i++)
                seen(p, x, tap + i, k, inputs[i]);
            in_scratch = k.begin;
            gradients(p, dy + c, channels, inputs[0], k, count, acc);
        }
        for (int32_t i = 0; i < channels; i++) {
            const int32_t index = (c + i) * filter + tap;
            myna_sgd_row(sgd, sgd_channel(sgd, (uint32_t)(c + i)), acc[i], (uint32_t)index,
                         (uint32_t)count, w + index, residual + index);
        }
    }
}

void myna_conv2d_s8_update(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                           const int32_t *scale, const int32_t *steps, const int32_t *rate,
                           const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    const int32_t filter = p->window.kernel_h * p->window.kernel_w * p->map.in_c;
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (int32_t tap = 0; tap < filter; tap += TAPS)
        update_tile(p, &sgd, x, dy, tap, fx_min32(TAPS, filter - tap), w, residual);
}

#endif
