/* SPDX-License-Identifier: Apache-2.0 */
/* Run-time scales as tensors: int32[2] = mantissa, exponent. */
#ifndef MYNA_PAIRS_H
#define MYNA_PAIRS_H

#include "kernels/fixed.h"

#define INV127_MANTISSA 1082196484 /* the pair nearest to 1/127 */
#define INV127_EXPONENT (-6)

static inline struct fx_pair load_pair(const int32_t *tensor) {
    return (struct fx_pair){tensor[0], tensor[1]};
}
static inline void store_pair(int32_t *tensor, struct fx_pair pair) {
    tensor[0] = pair.mantissa;
    tensor[1] = pair.exponent;
}

/* the multiplier worth factor * scale / out; zero where out is zero */
static inline struct fx_multiplier ratio(struct fx_pair factor, const int32_t *scale,
                                         const int32_t *out) {
    if (out[0] == 0)
        return (struct fx_multiplier){0, 1};
    return myna_fx_pair_multiplier(
        myna_fx_pair_div(myna_fx_pair_mul(factor, load_pair(scale)), load_pair(out)));
}

/* What is known of a gradient tensor while it is made. */
struct gradient_range {
    int32_t peak;  /* absolute maximum before saturation, so far */
    int32_t quiet; /* values up to this magnitude neither raise the peak nor saturate */
};

/* A value saturated to ±127; the one comparison that does this tracks the range, too. Not int8_t,
 * because the compiler would extend the sign of what is only stored. */
static inline int32_t gradient_narrow(int32_t value, struct gradient_range *range) {
    bool quiet = (uint32_t)value + (uint32_t)range->quiet <= 2u * (uint32_t)range->quiet;
    if (__builtin_expect(quiet, 1))
        return value;
    range->peak = fx_max32(range->peak, fx_abs32(value));
    range->quiet = fx_min32(range->peak, 127);
    return fx_sat8(value);
}

/* int8 of a gradient accumulator */
static inline int8_t requantize_gradient(int32_t acc, struct fx_multiplier by,
                                         struct gradient_range *range) {
    return (int8_t)gradient_narrow(fx_scale32(acc, by), range);
}

#endif
