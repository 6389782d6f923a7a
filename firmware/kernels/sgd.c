/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sgd.h"

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
