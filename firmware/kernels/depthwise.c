/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/depthwise.h"

#include "kernels/depthwise_dsp.h"
#include "kernels/depthwise_mve.h"

void depthwise_s8(const struct depthwise *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                  const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    int32_t first = 0;
#if MYNA_MVE
    if (depthwise_lanes(p, x, w, bias, mantissa, shift, y))
        return;
#elif MYNA_DSP
    first = depthwise_quads(p, x, w, bias, mantissa, shift, y);
#endif
    for (int32_t oy = 0; oy < m->out_h && first < m->out_c; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++) {
            struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
            struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
            const int32_t iy = oy * k->stride_h - k->pad_top;
            const int32_t ix = ox * k->stride_w - k->pad_left;
            for (int32_t c = first; c < m->out_c; c++) {
                int32_t acc = bias[c];
                for (int32_t ky = rows.begin; ky < rows.end; ky++)
                    for (int32_t kx = cols.begin; kx < cols.end; kx++) {
                        int32_t pixel = x[((iy + ky) * m->in_w + ix + kx) * m->in_c + c];
                        acc += (pixel - p->layer.x_zero) * w[(ky * k->kernel_w + kx) * m->in_c + c];
                    }
                y[(oy * m->out_w + ox) * m->out_c + c] =
                    layer_scale(&p->layer, acc, mantissa[c], shift[c]);
            }
        }
    layer_clamp(&p->layer, y, (uint32_t)(m->out_h * m->out_w * m->out_c));
}

/* the input gradient at channel c of pixel (iy, ix), before the channel's scale */
static int32_t gather(const struct depthwise_grad_input *p, const int8_t *dy, const int8_t *w,
                      int32_t iy, int32_t ix) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    int32_t acc = 0;
    for (int32_t ky = 0; ky < k->kernel_h; ky++) {
        int32_t oy = output_of_tap(iy, ky, k->stride_h, k->pad_top, m->out_h);
        if (oy < 0)
            continue;
        for (int32_t kx = 0; kx < k->kernel_w; kx++) {
            int32_t ox = output_of_tap(ix, kx, k->stride_w, k->pad_left, m->out_w);
            if (ox < 0)
                continue;
            int32_t pixel = oy * m->out_w + ox;
            acc += dy[pixel * m->out_c] * w[(ky * k->kernel_w + kx) * m->in_c];
        }
    }
    return acc;
}

void depthwise_s8_grad_input(const struct depthwise_grad_input *p, const int8_t *dy,
                             const int8_t *w, const int16_t *channel, const int32_t *scale,
                             const int32_t *out, int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    struct gradient_range range = {0, 0};
    int32_t first = 0;
#if MYNA_MVE
    if (depthwise_grad_lanes(p, dy, w, channel, by, dx, peak))
        return;
#elif MYNA_DSP
    first = depthwise_grad_quads(p, dy, w, channel, by, dx, &range);
#endif
    for (int32_t iy = 0; iy < m->in_h && first < m->in_c; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++)
            for (int32_t c = first; c < m->in_c; c++) {
                int32_t acc = gather(p, dy + c, w + c, iy, ix) * channel[c];
                dx[(iy * m->in_w + ix) * m->in_c + c] = requantize_gradient(acc, by, &range);
            }
    *peak = range.peak;
}

/* the weight gradient at channel c of tap (ky, kx) */
static int32_t tap_gradient(const struct depthwise_update *p, const int8_t *x, const int8_t *dy,
                            int32_t ky, int32_t kx) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = outputs_of_tap(ky, k->stride_h, k->pad_top, m->in_h, m->out_h);
    struct span cols = outputs_of_tap(kx, k->stride_w, k->pad_left, m->in_w, m->out_w);
    int32_t acc = 0;
    for (int32_t oy = rows.begin; oy < rows.end; oy++)
        for (int32_t ox = cols.begin; ox < cols.end; ox++) {
            int32_t iy = oy * k->stride_h - k->pad_top + ky;
            int32_t ix = ox * k->stride_w - k->pad_left + kx;
            int32_t pixel = x[(iy * m->in_w + ix) * m->in_c];
            acc += (pixel - p->x_zero) * dy[(oy * m->out_w + ox) * m->out_c];
        }
    return acc;
}

void depthwise_s8_update(const struct depthwise_update *p, const int8_t *x, const int8_t *dy,
                         const int32_t *scale, const int32_t *steps, const int32_t *rate,
                         const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    const int32_t channels = p->map.in_c;
    int32_t first = 0;
#if MYNA_MVE
    if (depthwise_update_lanes(p, x, dy, &sgd, w, residual))
        return;
#elif MYNA_DSP
    first = depthwise_update_quads(p, x, dy, &sgd, w, residual);
#endif
    for (int32_t c = first; c < channels; c++) {
        struct fx_multiplier by = sgd_channel(&sgd, (uint32_t)c);
        for (int32_t ky = 0; ky < p->window.kernel_h; ky++)
            for (int32_t kx = 0; kx < p->window.kernel_w; kx++) {
                uint32_t index = (uint32_t)((ky * p->window.kernel_w + kx) * channels + c);
                int32_t acc = tap_gradient(p, x + c, dy + c, ky, kx);
                sgd_apply(&w[index], &residual[index], sgd_delta(&sgd, by, acc, index));
            }
    }
}
