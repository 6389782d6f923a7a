/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 512-point real FFT as a 256-point complex one, radix 2, decimation in time, int32 data and Q31
 * twiddles. Each stage halves, so |point| <= sqrt(2) * 2^30 + 2 per stage and nothing overflows.
 * The sums of two products compile to SMULL + SMLAL, of which only the high word is used.
 */
#include "kernels/fixed.h"

#if !MYNA_DSP && !MYNA_MVE
#include "audio/fft.h"

#include <stddef.h>

/* (a * c + b * s) / 2^32; |a|, |b| < 2^31 and |(c, s)| <= 2^31, so the sum stays below 2^63. */
static inline int32_t rotate(int32_t a, int32_t c, int32_t b, int32_t s) {
    return (int32_t)(((int64_t)a * c + (int64_t)b * s) >> 32);
}

/* Products of Q0 samples and a Q15 window, below 2^30, in bit-reversed order. */
static void load(struct myna_audio_complex *point, const int16_t *frame, const int16_t *window) {
    uint32_t reversed = 0;
    for (size_t n = 0; n < MYNA_AUDIO_FRAME; n += 2) {
        point[reversed].re = frame[n] * window[n];
        point[reversed].im = frame[n + 1] * window[n + 1];
        uint32_t bit = MYNA_AUDIO_POINTS / 2;
        while (reversed & bit) { /* add one, carrying towards the low bits */
            reversed ^= bit;
            bit >>= 1;
        }
        reversed |= bit;
    }
}

/* The butterflies of one stage that share the twiddle (c, s): a[0] and a[half], every 2 * half. */
__attribute__((noinline)) static void stage(struct myna_audio_complex *a,
                                            const struct myna_audio_complex *end, size_t half,
                                            int32_t c, int32_t s) {
    const int32_t negative_s = -s;
    do {
        struct myna_audio_complex *b = a + half;
        const int32_t re = b->re;
        const int32_t im = b->im;
        const int32_t t_re = rotate(re, c, im, s);
        const int32_t t_im = rotate(im, c, re, negative_s);
        const int32_t a_re = a->re >> 1;
        const int32_t a_im = a->im >> 1;
        a->re = a_re + t_re;
        a->im = a_im + t_im;
        b->re = a_re - t_re;
        b->im = a_im - t_im;
        a = b + half;
    } while (a < end);
}

static void butterflies(struct myna_audio_complex *point, const int32_t *twiddle) {
    for (size_t half = 1; half < MYNA_AUDIO_POINTS; half *= 2) {
        const size_t step = MYNA_AUDIO_POINTS / half;
        for (size_t j = 0; j < half; j++) {
            const int32_t *cs = &twiddle[2 * j * step];
            stage(point + j, point + MYNA_AUDIO_POINTS, half, cs[0], cs[1]);
        }
    }
}

/* |re|, |im| < 2^30, so the sum of squares stays below 2^61. */
static inline uint64_t power(int32_t re, int32_t im) {
    return (uint64_t)((int64_t)re * re + (int64_t)im * im) >> 6;
}

/* Separate the two interleaved real signals, in place: bins k and 256 - k come from one pair. */
void myna_audio_powers(struct myna_audio_state *state, const struct myna_audio_config *config) {
    const int32_t *twiddle = config->twiddle;
    state->spectrum.power[0] = audio_first_power(state->spectrum.point[0], twiddle[0]);
    for (size_t k = 1; k <= MYNA_AUDIO_POINTS / 2; k++) {
        const size_t mirror = MYNA_AUDIO_POINTS - k;
        const struct myna_audio_complex z = state->spectrum.point[k];
        const struct myna_audio_complex m = state->spectrum.point[mirror];
        const int32_t c = twiddle[2 * k];
        const int32_t s = twiddle[2 * k + 1];
        const int32_t e = (z.re >> 2) + (m.re >> 2);
        const int32_t f = (z.im >> 2) - (m.im >> 2);
        const int32_t d = (z.re >> 1) - (m.re >> 1);
        const int32_t g = (z.im >> 1) + (m.im >> 1);
        const int32_t t = rotate(g, c, d, -s);
        const int32_t u = rotate(d, c, g, s);
        state->spectrum.power[mirror] = power(e - t, f + u);
        state->spectrum.power[k] = power(e + t, f - u);
    }
}

void myna_audio_transform(struct myna_audio_state *state, const struct myna_audio_config *config) {
    load(state->spectrum.point, state->frame, config->window);
    butterflies(state->spectrum.point, config->twiddle);
}

#endif
