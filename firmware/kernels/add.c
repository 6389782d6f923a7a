/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/add.h"

/* half the value at the common scale; below 2^28 in magnitude, as its factor is at most a half */
static inline int32_t lifted(const struct rescale *from, int32_t x) {
    int32_t value = (x - from->zero) * (1 << ADD_HEADROOM);
    return fx_requantize_down(value, from->mantissa, -from->shift);
}

void myna_add_s8(const struct add *p, const int8_t *a, const int8_t *b, int8_t *y) {
    const struct add own = *p; /* which stores to y cannot change */
    for (uint32_t i = 0; i < own.size; i++) {
        int32_t sum = lifted(&own.a, a[i]) + lifted(&own.b, b[i]);
        int32_t scaled = fx_requantize_down(sum, own.y.mantissa, -own.y.shift);
        y[i] = (int8_t)fx_clamp32(scaled + own.y.zero, own.low, own.high);
    }
}
