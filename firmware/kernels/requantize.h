/* SPDX-License-Identifier: Apache-2.0 */
/* Change of scale and width; specification: toolchain/myna/ops/requantize.py */
#ifndef MYNA_REQUANTIZE_H
#define MYNA_REQUANTIZE_H

#include "kernels/fixed.h"

struct requantize {
    uint32_t size;
    int32_t mantissa, shift;
    int32_t x_zero, y_zero, low, high;
};
struct requantize_band {
    struct requantize rows;
    uint32_t behind; /* elements of the rows behind */
};

/* x[n] -> y[n] */
void myna_requantize_s16_s8(const struct requantize *p, const int16_t *x, int8_t *y);
/* x[n] -> y[n] */
void myna_requantize_s8_s16(const struct requantize *p, const int8_t *x, int16_t *y);
/* x[n] -> y[n] */
void myna_requantize_s8_s8(const struct requantize *p, const int8_t *x, int8_t *y);
/* x[n] behind[behind] -> y[n+behind] */
void myna_requantize_band_s16_s8(const struct requantize_band *p, const int16_t *x,
                                 const int16_t *behind, int8_t *y);

#endif
