/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/requantize.h"

#include "kernels/dsp/pairs_dsp.h"
#include "kernels/mve/vectors_mve.h"

/* the multiplier's operand is small, as layers/lowering.py proves */
static inline int32_t requantize(const struct requantize *p, int32_t x) {
    int32_t scaled = fx_requantize(x - p->x_zero, p->mantissa, p->shift);
    return fx_clamp32(scaled + p->y_zero, p->low, p->high);
}

/* the same where the clamp is all of int8 */
static inline int8_t requantize_plain(const struct requantize *p, int32_t x) {
    int32_t scaled = fx_requantize(x - p->x_zero, p->mantissa, p->shift);
    return (int8_t)fx_narrow8(scaled + p->y_zero);
}

static bool is_plain(const struct requantize *p) {
    return p->low == INT8_MIN && p->high == INT8_MAX;
}

void myna_requantize_s16_s8(const struct requantize *p, const int16_t *x, int8_t *y) {
    const struct requantize own = *p; /* which stores to y cannot change */
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_requantize_s16_s8_vectors(p, x, y);
#elif MYNA_DSP
    i = myna_requantize_s16_s8_pairs(p, x, y);
#endif
    if (is_plain(p))
        for (; i < own.size; i++)
            y[i] = requantize_plain(&own, x[i]);
    else
        for (; i < own.size; i++)
            y[i] = (int8_t)requantize(&own, x[i]);
}

void myna_requantize_band_s16_s8(const struct requantize_band *p, const int16_t *x,
                                 const int16_t *behind, int8_t *y) {
    struct requantize rest = p->rows;
    rest.size = p->behind;
    myna_requantize_s16_s8(&p->rows, x, y);
    myna_requantize_s16_s8(&rest, behind, y + p->rows.size);
}

void myna_requantize_s8_s16(const struct requantize *p, const int8_t *x, int16_t *y) {
    const struct requantize own = *p;
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_requantize_s8_s16_vectors(p, x, y);
#endif
    for (; i < own.size; i++)
        y[i] = (int16_t)requantize(&own, x[i]);
}

void myna_requantize_s8_s8(const struct requantize *p, const int8_t *x, int8_t *y) {
    const struct requantize own = *p;
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_requantize_s8_s8_vectors(p, x, y);
#endif
    for (; i < own.size; i++)
        y[i] = (int8_t)requantize(&own, x[i]);
}
