/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fixed.h"

#if MYNA_DSP
#include "kernels/dsp/quad_dsp.h"

int32_t myna_band_pitch(const struct window *k, int32_t out_w) {
    return (out_w - 1) * k->stride_w + k->kernel_w;
}

int32_t myna_band_rows(const struct window *k, int32_t out_w) {
    int32_t lines = PLANE_PIXELS / myna_band_pitch(k, out_w);
    if (k->kernel_h * k->kernel_w > QUAD_TAPS || lines < k->kernel_h || out_w > BAND_OUTPUTS)
        return 0;
    return fx_min32((lines - k->kernel_h) / k->stride_h + 1, BAND_OUTPUTS / out_w);
}

static inline struct quad *lay_zeros(struct quad *plane, int32_t count) {
    for (; count > 0; count--)
        *plane++ = (struct quad){0u, 0u};
    return plane;
}

void myna_lay_band(const struct slide *s, const int8_t *x, int32_t oy, int32_t rows, int32_t out_w,
                   uint32_t add, struct quad *plane) {
    const struct window *k = &s->window;
    const int32_t pitch = myna_band_pitch(k, out_w), left = k->pad_left;
    const int32_t columns = fx_min32(s->w, pitch - left), right = pitch - left - columns;
    int32_t iy = oy * k->stride_h - k->pad_top;
    for (int32_t i = (rows - 1) * k->stride_h + k->kernel_h; i > 0; i--, iy++) {
        if (iy < 0 || iy >= s->h) {
            plane = lay_zeros(plane, pitch);
            continue;
        }
        plane = lay_zeros(plane, left);
        const int8_t *pixel = x + iy * s->w * s->channels;
        for (const struct quad *end = plane + columns; plane < end; pixel += s->channels)
            *plane++ = unpack(pixel, add);
        plane = lay_zeros(plane, right);
    }
}

void myna_band_sums(const struct slide *s, const struct quad_job *job, const int8_t *x,
                    uint32_t add, int32_t oy, int32_t rows, int32_t out_w, int32_t (*acc)[4]) {
    struct quad plane[PLANE_PIXELS];
    int32_t pitch = myna_band_pitch(&s->window, out_w);
    myna_lay_band(s, x, oy, rows, out_w, add, plane);
    for (int32_t i = 0; i < rows; i++)
        myna_quad_windows(job, plane + i * s->window.stride_h * pitch, acc + i * out_w, out_w);
}

struct quad_job myna_quad_job_of(const struct window *k, int32_t out_w, const struct quad *taps) {
    const int32_t quad = sizeof(struct quad);
    return (struct quad_job){taps,
                             k->kernel_h,
                             k->kernel_w,
                             (myna_band_pitch(k, out_w) - k->kernel_w) * quad,
                             k->stride_w * quad,
                             {0, 0, 0, 0}};
}

#endif
