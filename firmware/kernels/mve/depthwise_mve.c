/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mve/depthwise_mve.h"
#include "kernels/depthwise.h"

#if MYNA_MVE
#include "kernels/mve/fixed_mve.h"
#include "kernels/mve/lanes_mve.h"

/* the pixels and taps of the window at an output position */
static struct walk seen(const struct map *m, const struct window *k, const int8_t *x,
                        const int8_t *w, int32_t oy, int32_t ox) {
    const struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
    const struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
    const int32_t width = cols.end - cols.begin, c = m->in_c;
    const int32_t iy = oy * k->stride_h - k->pad_top + rows.begin;
    const int32_t ix = ox * k->stride_w - k->pad_left + cols.begin;
    return (struct walk){x + (iy * m->in_w + ix) * c,
                         w + (rows.begin * k->kernel_w + cols.begin) * c,
                         rows.end - rows.begin,
                         rows.begin < rows.end ? fx_max32(0, width) : 0,
                         c,
                         c,
                         (m->in_w - width) * c,
                         (k->kernel_w - width) * c};
}

static inline int16x8_t narrow(int32x4_t even, int32x4_t odd) {
    return vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), odd);
}

static inline void store_clamped(int16x8_t x, int16_t low, int16_t high, int8_t *y) {
    vstrbq_s16(y, vminq_s16(vmaxq_s16(x, vdupq_n_s16(low)), vdupq_n_s16(high)));
}

static inline void store_layer(const struct layer *p, int16x8_t x, int8_t *y) {
    store_clamped(vqaddq_n_s16(x, p->y_zero), p->low, p->high, y);
}

/* one output position; p and k are where its channels begin */
static inline void forward(const struct layer *p, struct walk k, int32_t c, const int32_t *bias,
                           const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    k.x += c, k.w += c;
    struct lanes acc = products(k, p->x_zero, bias + c);
    const struct lanes by = load_lanes(mantissa + c), s = load_lanes(shift + c);
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; i++)
        acc.part[i] = mve_requantize_down(acc.part[i], by.part[i], s.part[i]);
    store_layer(p, narrow(acc.part[0], acc.part[1]), y + c);
    store_layer(p, narrow(acc.part[2], acc.part[3]), y + c + 8);
}

bool myna_depthwise_lanes(const struct depthwise *p, const int8_t *x, const int8_t *w,
                          const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                          int8_t *y) {
    const struct map m = p->map;
    const struct layer layer = p->layer;
    const int32_t last = m.out_c - LANES;
    if (last < 0)
        return false;
    for (int32_t oy = 0; oy < m.out_h; oy++)
        for (int32_t ox = 0; ox < m.out_w; ox++, y += m.out_c) {
            const struct walk k = seen(&m, &p->window, x, w, oy, ox);
            for (int32_t c = 0; c < m.out_c; c += LANES)
                forward(&layer, k, fx_min32(c, last), bias, mantissa, shift, y);
        }
    return true;
}

/* the output gradients that reach an input position, and their taps, which run the other way */
static struct walk reaching(const struct map *m, const struct window *k, const int8_t *dy,
                            const int8_t *w, int32_t iy, int32_t ix) {
    const struct span rows = outputs_of_input(iy, k->stride_h, k->pad_top, k->kernel_h, m->out_h);
    const struct span cols = outputs_of_input(ix, k->stride_w, k->pad_left, k->kernel_w, m->out_w);
    const int32_t width = cols.end - cols.begin, c = m->in_c;
    const int32_t ky = iy + k->pad_top - rows.begin * k->stride_h;
    const int32_t kx = ix + k->pad_left - cols.begin * k->stride_w;
    return (struct walk){dy + (rows.begin * m->out_w + cols.begin) * c,
                         w + (ky * k->kernel_w + kx) * c,
                         rows.end - rows.begin,
                         rows.begin < rows.end ? fx_max32(0, width) : 0,
                         c,
                         -k->stride_w * c,
                         (m->out_w - width) * c,
                         (k->stride_w * width - k->stride_h * k->kernel_w) * c};
}

/* one input position from channel c on; returns the new peak */
static inline uint32_t grad_input(struct walk k, int32_t c, const int16_t *channel,
                                  struct fx_multiplier by, int8_t *dx, uint32_t peak) {
    k.x += c, k.w += c;
    struct lanes acc = products(k, 0, no_lanes);
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; i++) {
        const int16x8_t scale = vldrhq_s16(channel + c + i / 2 * 8);
        int32x4_t x = vmulq_s32(acc.part[i], i % 2 ? vmovltq_s16(scale) : vmovlbq_s16(scale));
        x = vmulhq_s32(x, vdupq_n_s32(by.mantissa));
        acc.part[i] = vrshlq_n_s32(x, 32 - by.shift);
        peak = vmaxavq_s32(peak, acc.part[i]);
    }
    store_clamped(narrow(acc.part[0], acc.part[1]), -127, 127, dx + c);
    store_clamped(narrow(acc.part[2], acc.part[3]), -127, 127, dx + c + 8);
    return peak;
}

bool myna_depthwise_grad_lanes(const struct depthwise_grad_input *p, const int8_t *dy,
                               const int8_t *w, const int16_t *channel, struct fx_multiplier by,
                               int8_t *dx, int32_t *peak) {
    const struct map m = p->map;
    const int32_t last = m.in_c - LANES;
    uint32_t top = 0u;
    by = without_left(by);
    if (last < 0 || by.shift <= 32) /* more than one high product */
        return false;
    for (int32_t iy = 0; iy < m.in_h; iy++)
        for (int32_t ix = 0; ix < m.in_w; ix++, dx += m.in_c) {
            const struct walk k = reaching(&m, &p->window, dy, w, iy, ix);
            for (int32_t c = 0; c < m.in_c; c += LANES)
                top = grad_input(k, fx_min32(c, last), channel, by, dx, top);
        }
    *peak = (int32_t)top;
    return true;
}

#endif
