/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/coupling.h"

static inline int32_t widen(const struct coupling *p, int8_t branch) {
    int32_t scaled = fx_requantize(branch - p->branch_zero, p->mantissa, p->shift);
    return fx_clamp32(scaled, INT16_MIN, INT16_MAX);
}

void couple_s16(const struct coupling *p, const int16_t *x, const int8_t *branch, int32_t *wraps,
                int16_t *y) {
    int32_t wrapped = 0;
    for (uint32_t i = 0; i < p->size; i++) {
        int32_t total = x[i] + widen(p, branch[i]);
        y[i] = (int16_t)total;
        wrapped += y[i] != total ? 1 : 0;
    }
    *wraps = (int32_t)((uint32_t)*wraps + (uint32_t)wrapped);
}

void uncouple_s16(const struct coupling *p, const int16_t *y, const int8_t *branch, int16_t *x) {
    for (uint32_t i = 0; i < p->size; i++)
        x[i] = (int16_t)(y[i] - widen(p, branch[i]));
}
