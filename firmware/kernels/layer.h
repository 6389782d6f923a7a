/* SPDX-License-Identifier: Apache-2.0 */
/* Forward requantization of a layer; specification: toolchain/myna/ops/layer.py */
#ifndef MYNA_LAYER_H
#define MYNA_LAYER_H

#include "kernels/fixed.h"

struct layer {
    int16_t x_zero, y_zero, low, high;
};

/* one value, but for the clamp; |acc| < 2^30 and shift <= 0, as layers/lowering.py proves */
static inline int8_t layer_scale(const struct layer *p, int32_t acc, int32_t mantissa,
                                 int32_t shift) {
    return (int8_t)fx_narrow8(fx_requantize_down(acc, mantissa, -shift) + p->y_zero);
}

/* clamps what layer_scale made; most layers use the whole of int8 and need nothing */
static inline void layer_clamp(const struct layer *p, int8_t *y, uint32_t size) {
    if (p->low == INT8_MIN && p->high == INT8_MAX)
        return;
    for (uint32_t i = 0u; i < size; i++)
        y[i] = (int8_t)fx_clamp32(y[i], p->low, p->high);
}

#endif
