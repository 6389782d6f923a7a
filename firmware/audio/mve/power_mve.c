/* SPDX-License-Identifier: Apache-2.0 */
/* The powers of fft.c with Helium, two pairs of bins at a time, and their sums of four. */
#include "kernels/fixed.h"

#if MYNA_MVE
#include "audio/mve/fft_mve.h"

/* (re^2 + im^2) >> 6 of two complex numbers. The sums stay below 2^61: nothing is carried from the
   lower to the upper one, so that the addition of 128 bits is two of 64. */
static inline uint64x2_t powers(int32x4_t x) {
    const int64x2_t re = vmullbq_int_s32(x, x), im = vmulltq_int_s32(x, x);
    uint32x4_t sum;
    __asm("vadci.i32 %q0, %q1, %q2" : "=w"(sum) : "w"(re), "w"(im) : "cc");
    const uint32x4_t swapped = vrev64q_u32(sum),
                     used = {UINT32_MAX, UINT32_MAX >> 6, UINT32_MAX, UINT32_MAX >> 6};
    return vreinterpretq_u64_u32(vandq_u32(vsliq_n_u32(vshrq_n_u32(sum, 6), swapped, 26), used));
}

/* Bins k and 256 - k come from points k and 256 - k; VCADD turns the latter, which are read with
   real and imaginary parts exchanged, by 90 and 270 degrees. Bin 128 is its own mirror image. */
void myna_audio_powers(struct myna_audio_state *state, const struct myna_audio_config *config) {
    const uint32x4_t backwards = {3u, 2u, 1u, 0u};
    const uint64x2_t exchanged = {8u, 0u};
    const int32_t *twiddle = config->twiddle;
    uint64_t *power = state->spectrum.power;
    power[0] = audio_first_power(state->spectrum.point[0], twiddle[0]);
    for (uint32_t k = 1u; k < MYNA_AUDIO_POINTS / 2u; k += 2u) {
        const uint32_t mirror = MYNA_AUDIO_POINTS - 1u - k;
        const int32x4_t z = vldrwq_s32(&state->spectrum.point[k].re);
        const int32x4_t m =
            vldrwq_gather_shifted_offset_s32(&state->spectrum.point[mirror].re, backwards);
        const int32x4_t w = vldrwq_s32(&twiddle[2u * k]);
        const int32x4_t ef = vcaddq_rot270_s32(vshrq_n_s32(z, 2), vshrq_n_s32(m, 2));
        const int32x4_t dg = vcaddq_rot90_s32(vshrq_n_s32(z, 1), vshrq_n_s32(m, 1));
        const int32x4_t ut = vshrq_n_s32(audio_turned(dg, w), 1);
        const uint64x2_t high = powers(vcaddq_rot90_s32(ef, ut));
        const uint64x2_t low = powers(vcaddq_rot270_s32(ef, ut));
        vstrdq_scatter_offset_u64(&power[mirror], exchanged, high);
        vstrwq_u32(&state->spectrum.word[k][0], vreinterpretq_u32_u64(low));
    }
}

#endif
