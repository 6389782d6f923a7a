/* SPDX-License-Identifier: Apache-2.0 */
/* The same elements in another shape; specification: toolchain/myna/ops/reshape.py */
#ifndef MYNA_RESHAPE_H
#define MYNA_RESHAPE_H

#include <stdint.h>

struct reshape {
    uint32_t size;
};

/* y may be x */
/* x[n] -> y[n] */
void myna_reshape_s8(const struct reshape *p, const int8_t *x, int8_t *y);

#endif
