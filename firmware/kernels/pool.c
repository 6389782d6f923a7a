/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pool.h"

void average_pool_s8(const struct average_pool *p, const int8_t *x, int8_t *y) {
    const struct map *m = &p->map;
    for (uint32_t oy = 0; oy < m->out_h; oy++)
        for (uint32_t ox = 0; ox < m->out_w; ox++)
            for (uint32_t c = 0; c < m->out_c; c++) {
                const int8_t *tile = x + (oy * p->pool_h * m->in_w + ox * p->pool_w) * m->in_c + c;
                int32_t total = 0;
                for (uint32_t ky = 0; ky < p->pool_h; ky++)
                    for (uint32_t kx = 0; kx < p->pool_w; kx++)
                        total += tile[(ky * m->in_w + kx) * m->in_c];
                *y++ = rounded_mean(total, p->pool_h * p->pool_w);
            }
}

void average_pool_s8_grad(const struct average_pool *p, const int8_t *dy, int8_t *dx) {
    const struct map *m = &p->map;
    for (uint32_t iy = 0; iy < m->in_h; iy++)
        for (uint32_t ix = 0; ix < m->in_w; ix++) {
            const int8_t *source = dy + (iy / p->pool_h * m->out_w + ix / p->pool_w) * m->out_c;
            for (uint32_t c = 0; c < m->in_c; c++)
                *dx++ = source[c];
        }
}
