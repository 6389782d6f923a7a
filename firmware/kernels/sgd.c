/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sgd.h"

#include "kernels/sums.h"

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

void myna_sgd_row(const struct sgd *sgd, struct fx_multiplier by, const int32_t *acc,
                  uint32_t index, uint32_t count, int8_t *weight, int8_t *residual) {
    uint32_t i = 0u;
    if ((index & 1u) == 0u && by.shift > 32) {
        i = count & ~1u;
        update_pairs(sgd->key, by, acc, index >> 1, count >> 1, weight, residual);
    }
    for (; i < count; i++)
        update_one(sgd, by, acc[i], index + i, &weight[i], &residual[i]);
}
#endif

void myna_bias_update(const struct bias_update *p, const int8_t *dy, const int32_t *scale,
                      const int32_t *steps, const int32_t *rate, const int32_t *seed,
                      const int32_t *step, int32_t *bias) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t c = 0; c < p->channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, p->channels - c);
        int32_t total[SUM_CHANNELS] = {0};
        myna_add_positions(dy + c, p->positions, p->channels, count, total);
        for (uint32_t i = 0; i < count; i++) {
            int32_t delta = sgd_delta(&sgd, sgd_channel(&sgd, c + i), total[i], c + i);
            bias[c + i] = fx_clamp32(bias[c + i] - delta, -BIAS_MAX, BIAS_MAX);
        }
    }
}

/* wraps as NumPy's int32 does */
void myna_advance_step(int32_t *step) {
    *step = (int32_t)((uint32_t)*step + 1u);
}
