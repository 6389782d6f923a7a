/* SPDX-License-Identifier: Apache-2.0 */
/* Means over a window that slides along rows; specification: toolchain/myna/ops/sliding.py */
#ifndef MYNA_SLIDING_H
#define MYNA_SLIDING_H

#include "kernels/mean.h"

struct sliding {
    uint16_t rows, width, channels; /* new ones */
    uint16_t kept;                  /* rows of the window */
};
struct sliding_mean {
    struct sliding window;
    struct mean mean;
};

/* x[rows,width,channels] -> sums[kept,channels] total[channels] y[channels] */
void myna_sliding_average_s8(const struct sliding *p, const int8_t *x, int16_t *sums,
                             int32_t *total, int8_t *y);
/* x[rows,width,channels] -> sums[kept,channels] total[channels] y[channels] */
void myna_sliding_mean_s8(const struct sliding_mean *p, const int8_t *x, int16_t *sums,
                          int32_t *total, int8_t *y);

#endif
