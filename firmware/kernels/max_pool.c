/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/max_pool.h"

#include <string.h>

#include "kernels/pairs.h"

/* one output position */
static void max_window(const struct map *m, const int8_t *x, int32_t row, int32_t column,
                       struct area taps, int8_t *y) {
    memset(y, INT8_MIN, m->out_c);
    for (int32_t ky = taps.rows.begin; ky < taps.rows.end; ky++)
        for (int32_t kx = taps.columns.begin; kx < taps.columns.end; kx++) {
            const int8_t *from = x + ((row + ky) * m->in_w + column + kx) * m->in_c;
            for (uint32_t c = 0; c < m->out_c; c++)
                y[c] = from[c] > y[c] ? from[c] : y[c];
        }
}

void myna_max_pool_s8(const struct max_pool *p, const int8_t *x, int8_t *y) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    for (int32_t oy = 0; oy < m->out_h; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++, y += m->out_c)
            max_window(m, x, oy * k->stride_h - k->pad_top, ox * k->stride_w - k->pad_left,
                       area_inside(m, k, oy, ox), y);
}

/* a pool, and what its gradient is made of */
struct routing {
    const struct map *map;
    const struct window *window;
    const int8_t *dy, *x, *y;
};

/* whether no earlier tap of the window at (oy, ox) sees the value that element (iy, ix) has */
static bool is_first(const struct routing *r, int32_t oy, int32_t ox, int32_t iy, int32_t ix,
                     uint32_t c) {
    const struct map *m = r->map;
    int32_t top = fx_max32(oy * r->window->stride_h - r->window->pad_top, 0);
    int32_t left = ox * r->window->stride_w - r->window->pad_left;
    int32_t right = fx_min32(left + r->window->kernel_w, m->in_w);
    int8_t value = r->x[(uint32_t)((iy * m->in_w + ix) * m->in_c) + c];
    for (int32_t row = top; row <= iy; row++)
        for (int32_t column = fx_max32(left, 0); column < (row < iy ? right : ix); column++)
            if (r->x[(uint32_t)((row * m->in_w + column) * m->in_c) + c] == value)
                return false;
    return true;
}

/* sum of dy over the windows of which element (iy, ix) is the first maximum */
static int32_t routed(const struct routing *r, struct area windows, int32_t iy, int32_t ix,
                      uint32_t c) {
    const struct map *m = r->map;
    int8_t value = r->x[(uint32_t)((iy * m->in_w + ix) * m->in_c) + c];
    int32_t total = 0;
    for (int32_t oy = windows.rows.begin; oy < windows.rows.end; oy++)
        for (int32_t ox = windows.columns.begin; ox < windows.columns.end; ox++) {
            uint32_t at = (uint32_t)((oy * m->out_w + ox) * m->out_c) + c;
            if (r->y[at] == value && is_first(r, oy, ox, iy, ix, c))
                total += r->dy[at];
        }
    return total;
}

void myna_max_pool_s8_grad(const struct max_pool *p, const int8_t *dy, const int8_t *x,
                           const int8_t *y, int8_t *dx) {
    const struct map *m = &p->map;
    const struct routing routing = {m, &p->window, dy, x, y};
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++) {
            struct area windows = area_seeing(m, &p->window, iy, ix);
            for (uint32_t c = 0; c < m->in_c; c++)
                *dx++ = (int8_t)routed(&routing, windows, iy, ix, c);
        }
}

void myna_max_pool_s8_grad_sum(const struct max_pool_grad_sum *p, const int8_t *dy, const int8_t *x,
                               const int8_t *y, const int32_t *scale, const int32_t *out,
                               int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    const struct routing routing = {m, &p->window, dy, x, y};
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++) {
            struct area windows = area_seeing(m, &p->window, iy, ix);
            for (uint32_t c = 0; c < m->in_c; c++) {
                int32_t total = routed(&routing, windows, iy, ix, c);
                *dx++ = requantize_gradient(total, by, &range);
            }
        }
    *peak = range.peak;
}
