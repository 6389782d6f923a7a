/* SPDX-License-Identifier: Apache-2.0 */
/* Concatenation along the last axis and its gradient; specification: toolchain/myna/ops/concat.py
 */
#ifndef MYNA_CONCAT_H
#define MYNA_CONCAT_H

#include <stdint.h>

struct concat {
    uint32_t rows, size_a, size_b;
};
struct slice {
    uint32_t rows, width, begin, size;
};

/* a[n,ca] b[n,cb] -> y[n,ca+cb] */
void myna_concat_s8(const struct concat *p, const int8_t *a, const int8_t *b, int8_t *y);
/* x[n,cx] -> y[n,cy] */
void myna_slice_s8(const struct slice *p, const int8_t *x, int8_t *y);

#endif
