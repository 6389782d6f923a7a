/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fft.c computes, with Helium: two complex numbers to a vector, two stages in one pass. The
 * dual products of VQDMLADH and VQDMLSDHX are (a * c + b * s) / 2^31, rounded down: of 64 bits, as
 * in the definition, and half of it, rounded down again, is what that takes. No product saturates:
 * |point| <= sqrt(2) * 2^30 + 2 per stage, |(c, s)| <= 2^31.
 */
#include "kernels/fixed.h"

#if MYNA_MVE
#include "audio/mve/fft_mve.h"

/* a, b <- (a >> 1) + t, (a >> 1) - t with t = b / w */
static inline void butterfly(int32x4_t *a, int32x4_t *b, int32x4_t w) {
    const int32x4_t even = vbicq_n_s32(*a, 1);
    *a = vhaddq_s32(even, audio_turned(*b, w));
    *b = vsubq_s32(even, *a);
}

/* the same with w = 1, of which Q31 has but nearly */
static inline void butterfly_of_one(int32x4_t *a, int32x4_t *b) {
    const int32x4_t half = vshrq_n_s32(*a, 1);
    const int32x4_t t = vmulhq_s32(*b, vdupq_n_s32(INT32_MAX));
    *a = vaddq_s32(half, t);
    *b = vsubq_s32(half, t);
}

/* two samples of the even and odd signals */
static inline int32x4_t windowed(const int16_t *frame, const int16_t *window) {
    return vmulq_s32(vldrhq_s32(frame), vldrhq_s32(window));
}

/* to two points that are half of all points apart */
static inline void store_two(struct myna_audio_complex *to, int32x4_t points) {
    const uint32x4_t at = {0u, 1u, MYNA_AUDIO_POINTS, MYNA_AUDIO_POINTS + 1u};
    vstrwq_scatter_shifted_offset_s32(&to->re, at, points);
}

/* Window, bit-reversed order and the first two stages: points 4k to 4k + 3 of two k at once, that
   is samples n, n + 128, n + 64 and n + 192, n being k with its bits reversed. */
static void first_stages(struct myna_audio_complex *point, const int16_t *frame,
                         const int16_t *window) {
    enum { QUARTER = MYNA_AUDIO_FRAME / 4 };
    const int32x4_t i = {0, INT32_MAX, 0, INT32_MAX};
    for (uint32_t n = 0u; n < MYNA_AUDIO_POINTS / 4u; n += 2u, frame += 4, window += 4) {
        int32x4_t a = windowed(frame, window);
        int32x4_t b = windowed(frame + 2 * QUARTER, window + 2 * QUARTER);
        int32x4_t c = windowed(frame + QUARTER, window + QUARTER);
        int32x4_t d = windowed(frame + 3 * QUARTER, window + 3 * QUARTER);
        butterfly_of_one(&a, &b);
        butterfly_of_one(&c, &d);
        butterfly_of_one(&a, &c);
        butterfly(&b, &d, i);
        uint32_t reversed;
        __asm("rbit %0, %1" : "=r"(reversed) : "r"(n));
        struct myna_audio_complex *to = &point[reversed >> 24];
        store_two(&to[0], a);
        store_two(&to[1], b);
        store_two(&to[2], c);
        store_two(&to[3], d);
    }
}

/* twiddles k and k + step */
static inline int32x4_t twiddles(const int32_t *twiddle, uint32_t k, uint32_t step) {
    const uint32x4_t at = {0u, 1u, 2u * step, 2u * step + 1u};
    return vldrwq_gather_shifted_offset_s32(&twiddle[2u * k], at);
}

/* the stages that join parts of `half` points to parts of 4 * half */
static void two_stages(struct myna_audio_complex *point, const int32_t *twiddle, uint32_t half) {
    const uint32_t step = MYNA_AUDIO_POINTS / half, reach = 2u * half; /* words from part to part */
    for (uint32_t j = 0u; j < half; j += 2u) {
        const int32x4_t first = twiddles(twiddle, j * step, step);
        const int32x4_t even = twiddles(twiddle, j * step / 2u, step / 2u);
        const int32x4_t odd = twiddles(twiddle, j * step / 2u + MYNA_AUDIO_POINTS / 2u, step / 2u);
        int32_t *p = &point[j].re;
        for (uint32_t n = step / 4u; n > 0u; n--, p += 4u * reach) {
            int32x4_t a = vldrwq_s32(p), b = vldrwq_s32(p + reach);
            int32x4_t c = vldrwq_s32(p + 2u * reach), d = vldrwq_s32(p + 3u * reach);
            butterfly(&a, &b, first);
            butterfly(&c, &d, first);
            butterfly(&a, &c, even);
            butterfly(&b, &d, odd);
            vstrwq_s32(p, a);
            vstrwq_s32(p + reach, b);
            vstrwq_s32(p + 2u * reach, c);
            vstrwq_s32(p + 3u * reach, d);
        }
    }
}

void myna_audio_transform(struct myna_audio_state *state, const struct myna_audio_config *config) {
    struct myna_audio_complex *point = state->spectrum.point;
    first_stages(point, state->frame, config->window);
    for (uint32_t half = 4u; half < MYNA_AUDIO_POINTS; half *= 4u)
        two_stages(point, config->twiddle, half);
}

#endif
