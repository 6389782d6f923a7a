/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sgd.h"

/* two elements that share a random word, by a multiplier whose sum with the noise fits */
static inline void update_two(struct fx_multiplier by, const int32_t *acc, uint32_t word,
                              int8_t *weight, int8_t *residual) {
    int32_t first = fx_scale_down(acc[0], by) + (int32_t)(word & 0xFFFFu);
    int32_t second = fx_scale_down(acc[1], by) + (int32_t)(word >> 16);
    sgd_apply(&weight[0], &residual[0], first >> 16);
    sgd_apply(&weight[1], &residual[1], second >> 16);
}

void sgd_row(const struct sgd *sgd, struct fx_multiplier by, const int32_t *acc, uint32_t index,
             uint32_t count, int8_t *weight, int8_t *residual) {
    uint32_t i = 0u, even = by.shift > 32 ? index & 1u : count;
    for (; i < fx_minu32(even, count); i++)
        sgd_apply(&weight[i], &residual[i], sgd_delta(sgd, by, acc[i], index + i));
    for (uint32_t key = sgd->key; i + 2u <= count; i += 2u)
        update_two(by, &acc[i], fx_random32(key, (index + i) >> 1), &weight[i], &residual[i]);
    for (; i < count; i++)
        sgd_apply(&weight[i], &residual[i], sgd_delta(sgd, by, acc[i], index + i));
}

void bias_update(const struct bias_update *p, const int8_t *dy, const int32_t *scale,
                 const int32_t *steps, const int32_t *rate, const int32_t *seed,
                 const int32_t *step, int32_t *bias) {
    struct sgd sgd = sgd_begin(scale, steps, rate, seed, step, p->tag);
    for (uint32_t c = 0; c < p->channels; c++) {
        int32_t total = 0;
        for (uint32_t i = 0; i < p->positions; i++)
            total += dy[i * p->channels + c];
        int32_t delta = sgd_delta(&sgd, sgd_channel(&sgd, c), total, c);
        bias[c] = fx_clamp32(bias[c] - delta, -BIAS_MAX, BIAS_MAX);
    }
}

/* wraps as NumPy's int32 does */
void advance_step(int32_t *step) {
    *step = (int32_t)((uint32_t)*step + 1u);
}
