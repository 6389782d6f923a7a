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
    return fx_pair_multiplier(fx_pair_div(fx_pair_mul(factor, load_pair(scale)), load_pair(out)));
}

/* int8 of a gradient accumulator; *peak follows the absolute maximum before saturation */
static inline int8_t requantize_gradient(int32_t acc, struct fx_multiplier by, int32_t *peak) {
    int32_t value = fx_scale32(acc, by);
    *peak = fx_max32(*peak, fx_abs32(value));
    return fx_sat8(value);
}

#endif
