/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of four channels at a time with the DSP extension (Cortex-M4, M7). */
#include "kernels/dsp/depthwise_dsp.h"

#if MYNA_DSP
#include "kernels/dsp/quad_dsp.h"

/* four channels of a band's outputs; mantissa and shift begin at them, and so does y */
static void finish_band(const struct layer *layer, int32_t (*acc)[4], int32_t count,
                        int32_t channels, const int32_t *mantissa, const int32_t *shift,
                        int8_t *y) {
    const struct layer own = *layer; /* values that stores to y cannot change */
    for (int32_t i = 0; i < 4; i++) {
        const int32_t by = mantissa[i], right = shift[i];
        int8_t *to = y + i;
        for (int32_t j = 0; j < count; j++, to += channels)
            *to = layer_scale(&own, acc[j][i], by, right);
    }
}

int32_t myna_depthwise_quads(const struct depthwise *p, const int8_t *x, const int8_t *w,
                             const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                             int8_t *y) {
    const struct map *m = &p->map;
    const int32_t channels = m->in_c, taps = p->window.kernel_h * p->window.kernel_w;
    const int32_t out_w = m->out_w, quads = channels & ~3;
    const int32_t most = myna_band_rows(&p->window, out_w);
    const uint32_t minus = dsp_twice(-p->layer.x_zero);
    const struct slide s = {m->in_h, m->in_w, channels, p->window};
    struct quad tap[QUAD_TAPS];
    struct quad_job job = myna_quad_job_of(&p->window, out_w, tap);
    struct quad_band band;
    int32_t acc[BAND_OUTPUTS][4];
    if (most == 0)
        return 0;
    for (int32_t oy = 0; oy < m->out_h; oy += most) {
        myna_band_begin(&band, &s, oy, fx_min32(most, m->out_h - oy), out_w);
        for (int32_t c = 0; c < quads; c += 4) {
            for (int32_t i = 0; i < taps; i++)
                tap[i] = unpack(w + i * channels + c, 0u);
            memcpy(job.first, bias + c, sizeof job.first);
            myna_band_lay(&band, x + c, channels, minus);
            myna_band_sums(&band, &job, out_w, acc);
            finish_band(&p->layer, acc, band.rows * out_w, channels, mantissa + c, shift + c,
                        y + oy * out_w * channels + c);
        }
    }
    return quads;
}

/* the weights of four channels times their channel's scale, turned around */
static void turn_taps(const int8_t *w, const int16_t *channel, int32_t taps, int32_t channels,
                      struct quad *to) {
    for (int32_t i = taps - 1; i >= 0; i--, w += channels)
        to[i] = (struct quad){dsp_halves(w[0] * channel[0], w[2] * channel[2]),
                              dsp_halves(w[1] * channel[1], w[3] * channel[3])};
}

/* With stride 1 the adjoint slides the window, turned around, over dy. */
int32_t myna_depthwise_grad_quads(const struct depthwise_grad_input *p, const int8_t *dy,
                                  const int8_t *w, const int16_t *channel, struct fx_multiplier by,
                                  int8_t *dx, struct gradient_range *range) {
    const struct map *m = &p->map;
    const struct window *k = &p->window;
    if (k->stride_h != 1 || k->stride_w != 1 || by.shift <= 32)
        return 0;
    const int32_t channels = m->in_c, in_w = m->in_w, quads = channels & ~3;
    const int32_t most = myna_band_rows(k, in_w);
    struct slide s = {m->out_h, m->out_w, channels, *k};
    s.window.pad_top = (uint8_t)(k->kernel_h - 1 - k->pad_top);
    s.window.pad_left = (uint8_t)(k->kernel_w - 1 - k->pad_left);
    struct quad tap[QUAD_TAPS];
    const struct quad_job job = myna_quad_job_of(k, in_w, tap);
    struct quad_band band;
    int32_t acc[BAND_OUTPUTS][4];
    struct gradient_range own = *range; /* which stores to dx cannot change */
    if (most == 0)
        return 0;
    for (int32_t iy = 0; iy < m->in_h; iy += most) {
        myna_band_begin(&band, &s, iy, fx_min32(most, m->in_h - iy), in_w);
        for (int32_t c = 0; c < quads; c += 4) {
            turn_taps(w + c, channel + c, k->kernel_h * k->kernel_w, channels, tap);
            myna_band_lay(&band, dy + c, channels, 0u);
            myna_band_sums(&band, &job, in_w, acc);
            for (int32_t i = 0; i < 4; i++) {
                int8_t *to = dx + iy * in_w * channels + c + i;
                for (int32_t j = 0; j < band.rows * in_w; j++, to += channels)
                    *to = (int8_t)gradient_narrow(fx_scale_down(acc[j][i], by), &own);
            }
        }
    }
    *range = own;
    return quads;
}

/* acc[tap] += gradients of the weights of four channels, from a band of outputs */
static void band_gradients(const struct slide *s, const int8_t *x, const int8_t *dy, uint32_t add,
                           int32_t oy, int32_t rows, int32_t out_w, int32_t (*acc)[4]) {
    const struct window *k = &s->window;
    struct quad gradient[BAND_OUTPUTS];
    struct quad_band band;
    const int32_t quad = sizeof(struct quad);
    myna_band_begin(&band, s, oy, rows, out_w);
    myna_band_lay(&band, x, s->channels, add);
    dy += oy * out_w * s->channels;
    for (int32_t i = 0; i < rows * out_w; i++, dy += s->channels)
        gradient[i] = unpack(dy, 0u);
    for (int32_t ky = 0; ky < k->kernel_h; ky++)
        for (int32_t kx = 0; kx < k->kernel_w; kx++)
            myna_quad_products(rows, band.plane + ky * band.pitch + kx, out_w, gradient,
                               (band.step - out_w) * quad, *acc++);
}

int32_t myna_depthwise_update_quads(const struct depthwise_update *p, const int8_t *x,
                                    const int8_t *dy, const struct sgd *sgd, int8_t *w,
                                    int8_t *residual) {
    const struct map *m = &p->map;
    const int32_t channels = m->in_c, taps = p->window.kernel_h * p->window.kernel_w;
    const int32_t band = p->window.stride_w == 1 ? myna_band_rows(&p->window, m->out_w) : 0;
    const struct slide s = {m->in_h, m->in_w, channels, p->window};
    int32_t c = 0;
    for (; band > 0 && c + 4 <= channels; c += 4) {
        int32_t acc[QUAD_TAPS][4];
        memset(acc, 0, sizeof acc);
        for (int32_t oy = 0; oy < m->out_h; oy += band)
            band_gradients(&s, x + c, dy + c, dsp_twice(-p->x_zero), oy,
                           fx_min32(band, m->out_h - oy), m->out_w, acc);
        for (int32_t i = 0; i < 4; i++) {
            struct fx_multiplier by = sgd_channel(sgd, (uint32_t)(c + i));
            for (int32_t tap = 0; tap < taps; tap++) {
                int32_t index = tap * channels + c + i;
                sgd_apply(&w[index], &residual[index],
                          sgd_delta(sgd, by, acc[tap][i], (uint32_t)index));
            }
        }
    }
    return c;
}

#endif
