/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv2d.h"

#include "kernels/sgd.h"

enum { BLOCK = 4 }; /* accumulators kept in registers */

static int32_t dot(const int8_t *x, const int8_t *w, int32_t size, int32_t x_zero) {
    int32_t acc = 0;
    for (int32_t i = 0; i < size; i++)
        acc += (x[i] - x_zero) * w[i];
    return acc;
}

/* sum over the window at (oy, ox); each row of taps is contiguous in x and in w */
static int32_t window_sum(const struct conv2d *p, const int8_t *x, const int8_t *w, int32_t oy,
                          int32_t ox) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = taps_inside(oy, k->stride_h, k->pad_top, k->kernel_h, m->in_h);
    struct span cols = taps_inside(ox, k->stride_w, k->pad_left, k->kernel_w, m->in_w);
    int32_t row_size = (cols.end - cols.begin) * m->in_c;
    int32_t acc = 0;
    for (int32_t ky = rows.begin; ky < rows.end; ky++) {
        int32_t iy = oy * k->stride_h - k->pad_top + ky;
        int32_t ix = ox * k->stride_w - k->pad_left + cols.begin;
        acc += dot(x + (iy * m->in_w + ix) * m->in_c, w + (ky * k->kernel_w + cols.begin) * m->in_c,
                   row_size, p->layer.x_zero);
    }
    return acc;
}

void conv2d_s8(const struct conv2d *p, const int8_t *x, const int8_t *w, const int32_t *bias,
               const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    const struct map *m = &p->map;
    int32_t filter = p->window.kernel_h * p->window.kernel_w * m->in_c;
    for (int32_t oy = 0; oy < m->out_h; oy++)
        for (int32_t ox = 0; ox < m->out_w; ox++)
            for (int32_t c = 0; c < m->out_c; c++) {
                int32_t acc = bias[c] + window_sum(p, x, w + c * filter, oy, ox);
                *y++ = layer_finish(&p->layer, acc, mantissa[c], shift[c]);
            }
}

/* acc[j] += sum over output channels of dy * channel * w[..., j] */
static void add_filters(const int8_t *dy, const int8_t *w, const int16_t *channel, int32_t out_c,
                        int32_t filter, int32_t block, int32_t *acc) {
    for (int32_t c = 0; c < out_c; c++, w += filter) {
        int32_t scaled = dy[c] * channel[c];
        for (int32_t j = 0; j < block; j++)
            acc[j] += scaled * w[j];
    }
}

/* the block of input gradients that begins at channel ci of pixel (iy, ix) */
static void gather(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                   const int16_t *channel, int32_t iy, int32_t ix, int32_t block, int32_t *acc) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    int32_t filter = k->kernel_h * k->kernel_w * m->in_c;
    for (int32_t ky = 0; ky < k->kernel_h; ky++) {
        int32_t oy = output_of_tap(iy, ky, k->stride_h, k->pad_top, m->out_h);
        if (oy < 0)
            continue;
        for (int32_t kx = 0; kx < k->kernel_w; kx++) {
            int32_t ox = output_of_tap(ix, kx, k->stride_w, k->pad_left, m->out_w);
            if (ox < 0)
                continue;
            const int8_t *pixel = dy + (oy * m->out_w + ox) * m->out_c;
            const int8_t *taps = w + (ky * k->kernel_w + kx) * m->in_c;
            add_filters(pixel, taps, channel, m->out_c, filter, block, acc);
        }
    }
}

void conv2d_s8_grad_input(const struct conv2d_grad_input *p, const int8_t *dy, const int8_t *w,
                          const int16_t *channel, const int32_t *scale, const int32_t *out,
                          int8_t *dx, int32_t *peak) {
    const struct map *m = &p->map;
    struct fx_multiplier by = ratio(p->factor, scale, out);
    int32_t top = 0;
    for (int32_t iy = 0; iy < m->in_h; iy++)
        for (int32_t ix = 0; ix < m->in_w; ix++)
            for (int32_t ci = 0; ci < m->in_c; ci += BLOCK) {
                int32_t acc[BLOCK] = {0};
                int32_t block = fx_min32(BLOCK, m->in_c - ci);
                gather(p, dy, w + ci, channel, iy, ix, block, acc);
                for (int32_t j = 0; j < block; j++)
                    *dx++ = requantize_gradient(acc[j], by, &top);
            }
    *peak = top;
}

/* acc[j] = weight gradients of one output channel at tap (ky, kx), input channels from x on */
static void tap_gradient(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                         int32_t ky, int32_t kx, int32_t block, int32_t *acc) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    struct span rows = outputs_of_tap(ky, k->stride_h, k->pad_top, m->in_h, m->out_h);
    struct span cols = outputs_of_tap(kx, k->stride_w, k->pad_left, m->in_w, m->out_w);
    for (int32_t oy = rows.begin; oy < rows.end; oy++)
        for (int32_t ox = cols.begin; ox < cols.end; ox++) {
            int32_t iy = oy * k->stride_h - k->pad_top + ky;
            int32_t ix = ox * k->stride_w - k->pad_left + kx;
            const int8_t *pixel = x + (iy * m->in_w + ix) * m->in_c;
            int32_t d = dy[(oy * m->out_w + ox) * m->out_c];
            for (int32_t j = 0; j < block; j++)
                acc[j] += (pixel[j] - p->x_zero) * d;
        }
}

void conv2d_s8_update(const struct conv2d_update *p, const int8_t *x, const int8_t *dy,
                      const int32_t *scale, const int32_t *steps, const int32_t *rate,
                      const int32_t *seed, const int32_t *step, int8_t *w, int8_t *residual) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    uint32_t index = 0;
    for (int32_t c = 0; c < p->map.out_c; c++) {
        struct fx_multiplier by = sgd_channel(&sgd, (uint32_t)c);
        for (int32_t ky = 0; ky < p->window.kernel_h; ky++)
            for (int32_t kx = 0; kx < p->window.kernel_w; kx++)
                for (int32_t ci = 0; ci < p->map.in_c; ci += BLOCK) {
                    int32_t acc[BLOCK] = {0};
                    int32_t block = fx_min32(BLOCK, p->map.in_c - ci);
                    tap_gradient(p, x + ci, dy + c, ky, kx, block, acc);
                    for (int32_t j = 0; j < block; j++, index++)
                        sgd_apply(&w[index], &residual[index], sgd_delta(&sgd, by, acc[j], index));
                }
    }
}
