/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantize.h"

static inline int32_t requantize(const struct requantize *p, int32_t x) {
    int32_t scaled = fx_requantize(x - p->x_zero, p->mantissa, p->shift);
    return fx_clamp32(scaled + p->y_zero, p->low, p->high);
}

void requantize_s16_s8(const struct requantize *p, const int16_t *x, int8_t *y) {
    for (uint32_t i = 0; i < p->size; i++)
        y[i] = (int8_t)requantize(p, x[i]);
}

void requantize_s8_s16(const struct requantize *p, const int8_t *x, int16_t *y) {
    for (uint32_t i = 0; i < p->size; i++)
        y[i] = (int16_t)requantize(p, x[i]);
}

void requantize_s8_s8(const struct requantize *p, const int8_t *x, int8_t *y) {
    for (uint32_t i = 0; i < p->size; i++)
        y[i] = (int8_t)requantize(p, x[i]);
}
