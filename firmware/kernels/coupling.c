/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/coupling.h"

#include "kernels/dsp/pairs_dsp.h"
#include "kernels/mve/vectors_mve.h"

static inline int32_t widen(const struct coupling *p, int8_t branch) {
    return fx_narrow16(fx_requantize(branch - p->branch_zero, p->mantissa, p->shift));
}

void myna_couple_s16(const struct coupling *p, const int16_t *x, const int8_t *branch,
                     int32_t *wraps, int16_t *y) {
    const struct coupling own = *p; /* which stores to y cannot change */
    int32_t wrapped = 0;
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_couple_vectors(p, x, branch, &wrapped, y);
#elif MYNA_DSP
    i = myna_couple_pairs(p, x, branch, &wrapped, y);
#endif
    for (; i < own.size; i++) {
        int32_t total = x[i] + widen(&own, branch[i]);
        y[i] = (int16_t)total;
        if (y[i] != total) /* rare, and so no sum */
            wrapped++;
    }
    *wraps = (int32_t)((uint32_t)*wraps + (uint32_t)wrapped);
}

void myna_uncouple_s16(const struct coupling *p, const int16_t *y, const int8_t *branch,
                       int16_t *x) {
    const struct coupling own = *p;
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_uncouple_vectors(p, y, branch, x);
#endif
    for (; i < own.size; i++)
        x[i] = (int16_t)(y[i] - widen(&own, branch[i]));
}
