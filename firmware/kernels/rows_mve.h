/* SPDX-License-Identifier: Apache-2.0 */
/* What the Helium kernels share: blocks of dot products, and what follows an accumulator, on rows
 */
#ifndef MYNA_ROWS_MVE_H
#define MYNA_ROWS_MVE_H

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#define MYNA_MVE 1

#include "kernels/layer.h"
#include "kernels/sgd.h"

/* Accumulators of a block: rows come by the TALL, columns in pairs, so that an odd count leaves one
   more undefined; WIDE and NARROW are their largest numbers. */
enum { TALL = 3, WIDE = 64, NARROW = 16 };

/* acc[i][j] += sum over k < size of a[i][k] * b[j * stride + k], j < count */
void dots_s8(const int8_t *const a[TALL], const int8_t *b, int32_t stride, int32_t size,
             int32_t count, int32_t acc[TALL][WIDE]);

/* The same, b in the order of reading: see folded_index. */
void dots_s8_s16(const int8_t *const a[TALL], const int16_t *b, int32_t size, int32_t count,
                 int32_t acc[TALL][NARROW]);

/* where dots_s8_s16 reads b[j][k]: columns 2i and 2i + 1 take turns, eight elements at a time */
static inline int32_t folded_index(int32_t j, int32_t k, int32_t size) {
    return (j >> 1) * 2 * ((size + 7) & ~7) + (k >> 3) * 16 + (j & 1) * 8 + (k & 7);
}

/* sum of x */
int32_t sum_s8(const int8_t *x, int32_t count);
/* to[i] = from[i] */
void copy_s8(int8_t *to, const int8_t *from, int32_t count);
/* to[i] = from[i * stride] */
void gather_s8(int8_t *to, const int8_t *from, int32_t stride, int32_t count);
/* x[i] += value; whole vectors are written */
void add_s32(int32_t *x, int32_t value, int32_t count);

/* y[i] = layer_finish(acc[i]) */
void layer_row(const struct layer *p, int32_t count, const int32_t *acc, const int32_t *mantissa,
               const int32_t *shift, int8_t *y);

/* dx[i * stride + j] = requantize_gradient(acc[i][j]) */
void gradient_rows(struct fx_multiplier by, int32_t rows, int32_t count,
                   const int32_t acc[][NARROW], int8_t *dx, int32_t stride, int32_t *peak);

/* sgd_apply to the elements of a tensor from `index` on; w and residual point to the first */
void update_row(const struct sgd *sgd, struct fx_multiplier by, int32_t count, const int32_t *acc,
                uint32_t index, int8_t *w, int8_t *residual);

#else
#define MYNA_MVE 0
#endif

#endif
