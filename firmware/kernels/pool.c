/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pool.h"

#include "kernels/sums.h"

/* one output position; x and y begin at it */
static void pool_tile(const struct average_pool *p, const int8_t *x, int8_t *y) {
    const uint32_t channels = p->map.in_c;
    for (uint32_t c = 0; c < channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, channels - c);
        int32_t total[SUM_CHANNELS] = {0};
        for (uint32_t ky = 0; ky < p->pool_h; ky++)
            myna_add_positions(x + ky * p->map.in_w * channels + c, p->pool_w, channels, count,
                               total);
        for (uint32_t i = 0; i < count; i++)
            y[c + i] = rounded_mean(total[i], p->pool_h * p->pool_w);
    }
}

void myna_average_pool_s8(const struct average_pool *p, const int8_t *x, int8_t *y) {
    const struct map *m = &p->map;
    for (uint32_t oy = 0; oy < m->out_h; oy++)
        for (uint32_t ox = 0; ox < m->out_w; ox++, y += m->out_c)
            pool_tile(p, x + (oy * p->pool_h * m->in_w + ox * p->pool_w) * m->in_c, y);
}

void myna_average_pool_s8_grad(const struct average_pool *p, const int8_t *dy, int8_t *dx) {
    const struct map *m = &p->map;
    for (uint32_t iy = 0; iy < m->in_h; iy++)
        for (uint32_t ix = 0; ix < m->in_w; ix++) {
            const int8_t *source = dy + (iy / p->pool_h * m->out_w + ix / p->pool_w) * m->out_c;
            for (uint32_t c = 0; c < m->in_c; c++)
                *dx++ = source[c];
        }
}
