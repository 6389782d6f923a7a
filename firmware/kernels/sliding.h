/* SPDX-License-Identifier: Apache-2.0 */
/* Means over a window that slides along rows; specification: toolchain/myna/ops/sliding.py */
#ifndef MYNA_SLIDING_H
#define MYNA_SLIDING_H

#include "kernels/mean.h"

struct sliding {
    uint16_t rows, width, channels; /* new ones */
    uint16_t kept;                  /* rows of the window */
    uint16_t bits;                  /* of a row's sum, at most 16 */
};
struct sliding_mean {
    struct sliding window;
    struct mean mean;
};

/* sums: of each row of the window those over its width, channel by channel, packed from the lowest
   bit on; a row fills whole words */
/* x[rows,width,channels] -> sums[kept,bytes] total[channels] y[channels] */
void myna_sliding_average_s8(const struct sliding *p, const int8_t *x, int8_t *sums, int32_t *total,
                             int8_t *y);
/* x[rows,width,channels] -> sums[kept,bytes] total[channels] y[channels] */
void myna_sliding_mean_s8(const struct sliding_mean *p, const int8_t *x, int8_t *sums,
                          int32_t *total, int8_t *y);

#endif
