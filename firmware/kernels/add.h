/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors of different scales; specification: toolchain/myna/ops/add.py */
#ifndef MYNA_ADD_H
#define MYNA_ADD_H

#include "kernels/fixed.h"

#define ADD_HEADROOM 20 /* bits */

struct rescale {
    int32_t zero, mantissa, shift; /* shift <= 0 */
};
struct add {
    uint32_t size;
    struct rescale a, b, y;
    int32_t low, high;
};

/* y may be a or b */
/* a[n] b[n] -> y[n] */
void myna_add_s8(const struct add *p, const int8_t *a, const int8_t *b, int8_t *y);

#endif
