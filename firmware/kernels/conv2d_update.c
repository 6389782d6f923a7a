/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/block.h"
#include "kernels/conv2d.h"
#include "kernels/sgd.h"

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
            myna_block_lay(&scratch->x[j], x + begin * in_c + first + j,
                           fx_minu32(WIDE_LAY, size - j), in_c, count, p->x_zero);
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
        myna_block_lay(scratch->dy, dy + t * out_c, channels, out_c, count, 0);
        for (uint32_t c = 0u; c < channels; c += 2u)
            myna_block_wide(scratch->x, &scratch->dy[c], (size + 1u) / 2u, (count + 3u) / 4u,
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
                myna_sgd_row(sgd, by[i + d], scratch.acc[d], index, size, w + index,
                             residual + index);
            }
        }
    }
}

void myna_conv2d_s8_update(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                           const int32_t *scale, const int32_t *steps, const int32_t *rate,
                           const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t c = 0u; c < p->map.out_c; c += UPDATE_RATES)
        update_channels(p, x, dy, &sgd, c, w, residual);
}
#endif
