/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rounding.h"

#include "kernels/fixed.h"

/* the residual, in 1/256 of a step, plus noise of 0 … 255 is 256 with the residual's probability */
void myna_round_weight_s8(const struct round_weight *p, const int32_t *seed, const int32_t *step,
                          int8_t *w, int8_t *residual) {
    uint32_t key = fx_key((uint32_t)*seed, (uint32_t)*step, p->tag);
    uint32_t word = 0u;
    for (uint32_t i = 0u; i < p->size; i++, word >>= 16) {
        if ((i & 1u) == 0u)
            word = fx_random32(key, i >> 1);
        int32_t noise = (int32_t)(word >> 8 & 0xFFu);
        w[i] = fx_sat8(w[i] + ((residual[i] + noise) >> 8));
        residual[i] = 0;
    }
}
