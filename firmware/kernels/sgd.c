/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sgd.h"

#include <string.h>

#include "kernels/block.h"

#if !MYNA_MVE /* sgd_mve.c has it */
/* hides a constant from the compiler, which would otherwise make it anew in every turn of a loop */
static inline uint32_t kept(uint32_t constant) {
    __asm("" : "+r"(constant));
    return constant;
}

__attribute__((noinline)) static void update_one(const struct sgd *sgd, struct fx_multiplier by,
                                                 int32_t acc, uint32_t index, int8_t *weight,
                                                 int8_t *residual) {
    sgd_apply(weight, residual, sgd_delta(sgd, by, acc, index));
}

/* elements 2 i, 2 i + 1, … in pairs that share a random word; by.shift > 32, so nothing overflows
 */
static void update_pairs(uint32_t key, struct fx_multiplier by, const int32_t *acc, uint32_t i,
                         uint32_t pairs, int8_t *weight, int8_t *residual) {
    const uint32_t a = kept(FX_MIX_A), b = kept(FX_MIX_B);
    uint32_t state = key + i * FX_STRIDE;
    for (; pairs > 0u; pairs--, acc += 2, weight += 2, residual += 2, state += FX_STRIDE) {
        uint32_t word = fx_mix(state, a, b);
        int32_t first = fx_scale_down(acc[0], by) + (int32_t)(word & 0xFFFFu);
        int32_t second = fx_scale_down(acc[1], by) + (int32_t)(word >> 16);
        sgd_apply(&weight[0], &residual[0], first >> 16);
        sgd_apply(&weight[1], &residual[1], second >> 16);
    }
}

void sgd_row(const struct sgd *sgd, struct fx_multiplier by, const int32_t *acc, uint32_t index,
             uint32_t count, int8_t *weight, int8_t *residual) {
    uint32_t i = 0u;
    if ((index & 1u) == 0u && by.shift > 32) {
        i = count & ~1u;
        update_pairs(sgd->key, by, acc, index >> 1, count >> 1, weight, residual);
    }
    for (; i < count; i++)
        update_one(sgd, by, acc[i], index + i, &weight[i], &residual[i]);
}
#endif

#if MYNA_DSP
/* sums of four channels from dy on; at most 256 positions, so halfwords hold them */
static void sum_four(const int8_t *dy, uint32_t positions, uint32_t channels, int32_t total[4]) {
    uint32_t even = 0u, odd = 0u;
    for (; positions > 0u; positions--, dy += channels) {
        uint32_t bytes = dsp_load4(dy);
        even = dsp_add_even(even, bytes);
        odd = dsp_add_odd(odd, bytes);
    }
    total[0] += (int16_t)even, total[1] += (int16_t)odd;
    total[2] += (int32_t)even >> 16, total[3] += (int32_t)odd >> 16;
}
#endif

/* sums of `count` <= 4 channels from dy on */
static void sum_channels(const int8_t *dy, uint32_t positions, uint32_t channels, uint32_t count,
                         int32_t total[4]) {
    memset(total, 0, 4u * sizeof *total);
#if MYNA_DSP
    for (; count == 4u && positions > 0u;) {
        uint32_t some = fx_minu32(positions, 256u);
        sum_four(dy, some, channels, total);
        positions -= some;
        dy += some * channels;
    }
#endif
    for (uint32_t i = 0; i < positions; i++)
        for (uint32_t c = 0; c < count; c++)
            total[c] += dy[i * channels + c];
}

void bias_update(const struct bias_update *p, const int8_t *dy, const int32_t *scale,
                 const int32_t *steps, const int32_t *rate, const int32_t *seed,
                 const int32_t *step, int32_t *bias) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t c = 0; c < p->channels; c += 4u) {
        uint32_t count = fx_minu32(4u, p->channels - c);
        int32_t total[4];
        sum_channels(dy + c, p->positions, p->channels, count, total);
        for (uint32_t i = 0; i < count; i++) {
            int32_t delta = sgd_delta(&sgd, sgd_channel(&sgd, c + i), total[i], c + i);
            bias[c + i] = fx_clamp32(bias[c + i] - delta, -BIAS_MAX, BIAS_MAX);
        }
    }
}

/* wraps as NumPy's int32 does */
void advance_step(int32_t *step) {
    *step = (int32_t)((uint32_t)*step + 1u);
}
