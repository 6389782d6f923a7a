/* SPDX-License-Identifier: Apache-2.0 */
/* Forward requantization of a layer; specification: toolchain/myna/ops/layer.py */
#ifndef MYNA_LAYER_H
#define MYNA_LAYER_H

#include "kernels/fixed.h"

struct layer {
    int16_t x_zero, y_zero, low, high;
};

static inline int8_t layer_finish(const struct layer *p, int32_t acc, int32_t mantissa,
                                  int32_t shift) {
    int32_t scaled = fx_requantize(acc, mantissa, shift);
    return (int8_t)fx_clamp32(scaled + p->y_zero, p->low, p->high);
}

#endif
