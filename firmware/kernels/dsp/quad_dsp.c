/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fixed.h"

#if MYNA_DSP
#include "kernels/dsp/quad_dsp.h"

#include <string.h>

int32_t myna_band_pitch(const struct window *k, int32_t out_w) {
    return (out_w - 1) * k->stride_w + k->kernel_w;
}

int32_t myna_band_rows(const struct window *k, int32_t out_w) {
    int32_t lines = PLANE_PIXELS / myna_band_pitch(k, out_w);
    if (k->kernel_h * k->kernel_w > QUAD_TAPS || lines < k->kernel_h || out_w > BAND_OUTPUTS)
        return 0;
    return fx_min32((lines - k->kernel_h) / k->stride_h + 1, BAND_OUTPUTS / out_w);
}

void myna_band_begin(struct quad_band *band, const struct slide *s, int32_t oy, int32_t rows,
                     int32_t out_w) {
    const struct window *k = &s->window;
    const int32_t pitch = myna_band_pitch(k, out_w), top = oy * k->stride_h - k->pad_top;
    const int32_t seen = (rows - 1) * k->stride_h + k->kernel_h;
    const int32_t begin = fx_max32(top, 0), end = fx_min32(top + seen, s->h);
    band->rows = rows, band->step = k->stride_h * pitch;
    band->line = s->w * s->channels, band->first = begin * band->line;
    band->pitch = pitch, band->at = (begin - top) * pitch + k->pad_left;
    band->lines = end - begin, band->columns = fx_min32(s->w, pitch - k->pad_left);
    memset(band->plane, 0, (size_t)(seen * pitch) * sizeof *band->plane);
}

void myna_band_lay(struct quad_band *band, const int8_t *x, int32_t channels, uint32_t add) {
    const int32_t pitch = band->pitch, line = band->line, columns = band->columns;
    struct quad *to = band->plane + band->at;
    x += band->first;
    for (int32_t i = band->lines; i > 0; i--, to += pitch, x += line) {
        const int8_t *pixel = x;
        for (struct quad *at = to, *end = to + columns; at < end; pixel += channels)
            *at++ = unpack(pixel, add);
    }
}

void myna_band_sums(const struct quad_band *band, const struct quad_job *job, int32_t out_w,
                    int32_t (*acc)[4]) {
    for (int32_t i = 0; i < band->rows; i++)
        myna_quad_windows(job, band->plane + i * band->step, acc + i * out_w, out_w);
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
