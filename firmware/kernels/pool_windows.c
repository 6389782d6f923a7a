/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pairs.h"
#include "kernels/pool.h"
#include "kernels/sums.h"

/* Each window is a map of one tile: what it sees of x. */
void myna_average_pool_s8_windows(const struct window_pool *p, const int8_t *x, int8_t *y) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct average_pool tile = {{m->in_h, m->in_w, m->in_c, 1u, 1u, m->out_c}, 0u, 0u};
    for (int32_t oy = 0; oy < m->out_h; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++, y += m->out_c) {
            struct area taps = area_inside(m, k, oy, ox);
            int32_t row = oy * k->stride_h - k->pad_top + taps.rows.begin;
            int32_t column = ox * k->stride_w - k->pad_left + taps.columns.begin;
            tile.pool_h = (uint16_t)(taps.rows.end - taps.rows.begin);
            tile.pool_w = (uint16_t)(taps.columns.end - taps.columns.begin);
            myna_average_pool_s8(&tile, x + (row * m->in_w + column) * m->in_c, y);
        }
}

/* what an element of a window gets of dy, in 1/unit */
static int32_t share(const struct average_pool_grad_sum *p, int32_t oy, int32_t ox) {
    struct area taps = area_inside(&p->map, &p->window, oy, ox);
    int32_t count = (taps.rows.end - taps.rows.begin) * (taps.columns.end - taps.columns.begin);
    return (p->unit + count / 2) / count;
}

/* total[i] = sum over the windows that see an element, for i < count <= SUM_CHANNELS */
static void collect(const struct average_pool_grad_sum *p, const int8_t *dy, struct area windows,
                    uint32_t count, int32_t total[SUM_CHANNELS]) {
    for (int32_t oy = windows.rows.begin; oy < windows.rows.end; oy++)
        for (int32_t ox = windows.columns.begin; ox < windows.columns.end; ox++) {
            const int8_t *from = dy + (oy * p->map.out_w + ox) * p->map.out_c;
            int32_t part = share(p, oy, ox);
            for (uint32_t i = 0; i < count; i++)
                total[i] += from[i] * part;
        }
}

void myna_average_pool_s8_grad_sum(const struct average_pool_grad_sum *p, const int8_t *dy,
                                   const int32_t *scale, const int32_t *out, int8_t *dx,
                                   int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++) {
            struct area windows = area_seeing(m, &p->window, iy, ix);
            for (uint32_t c = 0; c < m->in_c; c += SUM_CHANNELS) {
                uint32_t count = fx_minu32(SUM_CHANNELS, m->in_c - c);
                int32_t total[SUM_CHANNELS] = {0};
                collect(p, dy + c, windows, count, total);
                for (uint32_t i = 0; i < count; i++)
                    *dx++ = requantize_gradient(total[i], by, &range);
            }
        }
    *peak = range.peak;
}
