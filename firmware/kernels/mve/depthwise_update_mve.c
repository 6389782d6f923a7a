/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/depthwise.h"
#include "kernels/mve/depthwise_mve.h"

#if MYNA_MVE
#include "kernels/mve/lanes_mve.h"

/* the positions at which a tap falls inside the input: pixels and output gradients */
static struct walk positions(const struct map *m, const struct window *k, const int8_t *x,
                             const int8_t *dy, int32_t ky, int32_t kx) {
    const struct span rows = outputs_of_tap(ky, k->stride_h, k->pad_top, m->in_h, m->out_h);
    const struct span cols = outputs_of_tap(kx, k->stride_w, k->pad_left, m->in_w, m->out_w);
    const int32_t width = cols.end - cols.begin, c = m->in_c;
    const int32_t iy = rows.begin * k->stride_h - k->pad_top + ky;
    const int32_t ix = cols.begin * k->stride_w - k->pad_left + kx;
    return (struct walk){x + (iy * m->in_w + ix) * c,
                         dy + (rows.begin * m->out_w + cols.begin) * c,
                         rows.end - rows.begin,
                         rows.begin < rows.end ? fx_max32(0, width) : 0,
                         k->stride_w * c,
                         c,
                         (k->stride_h * m->in_w - k->stride_w * width) * c,
                         (m->out_w - width) * c};
}

/* channels c <= i < c + LANES, the last `count` of which are to be updated */
static void update(const struct depthwise_update *p, const struct sgd *sgd, const int8_t *x,
                   const int8_t *dy, int32_t c, int32_t count, int8_t *w, int8_t *residual) {
    struct fx_multiplier by[LANES];
    for (int32_t j = LANES - count; j < LANES; j++)
        by[j] = sgd_channel(sgd, (uint32_t)(c + j));
    for (int32_t ky = 0; ky < p->window.kernel_h; ky++)
        for (int32_t kx = 0; kx < p->window.kernel_w; kx++) {
            const struct walk k = positions(&p->map, &p->window, x + c, dy + c, ky, kx);
            const struct lanes acc = products(k, p->x_zero, no_lanes);
            int32_t total[LANES];
            vst2q_s32(total, ((int32x4x2_t){{acc.part[0], acc.part[1]}}));
            vst2q_s32(total + 8, ((int32x4x2_t){{acc.part[2], acc.part[3]}}));
            for (int32_t j = LANES - count; j < LANES; j++)
                total[j] = fx_scale32(total[j], by[j]);
            const int32_t first = LANES - count;
            const int32_t index = (ky * p->window.kernel_w + kx) * p->map.in_c + c + first;
            myna_sgd_exact_row(sgd->key, total + first, (uint32_t)index, (uint32_t)count, w + index,
                               residual + index);
        }
}

bool myna_depthwise_update_lanes(const struct depthwise_update *p, const int8_t *x,
                                 const int8_t *dy, const struct sgd *sgd, int8_t *w,
                                 int8_t *residual) {
    const int32_t channels = p->map.in_c, last = channels - LANES;
    if (last < 0)
        return false;
    for (int32_t i = 0; i < channels; i += LANES)
        update(p, sgd, x, dy, fx_min32(i, last), fx_min32(LANES, channels - i), w, residual);
    return true;
}

#endif
