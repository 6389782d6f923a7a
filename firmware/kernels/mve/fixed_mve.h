/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of fixed.h on vectors */
#ifndef MYNA_FIXED_MVE_H
#define MYNA_FIXED_MVE_H

#include <arm_mve.h>

/* fx_requantize_down; shift is -right */
static inline int32x4_t mve_requantize_down(int32x4_t x, int32x4_t mantissa, int32x4_t shift) {
    x = vqrdmulhq_s32(x, mantissa);
    x = vaddq_s32(x, vshrq_n_s32(vandq_s32(x, shift), 31)); /* halves go away from zero */
    return vrshlq_s32(x, shift);
}

#endif
