/* SPDX-License-Identifier: Apache-2.0 */
/* What the Helium kernels share: blocks of dot products, and what follows accumulators, row by row
 */
#ifndef MYNA_HELIUM_MVE_H
#define MYNA_HELIUM_MVE_H

#include "kernels/layer.h"
#include "kernels/pairs.h"

#if MYNA_MVE

/* Accumulators of a block: rows come by the TALL, columns in pairs, so that an odd count leaves one
   more undefined; WIDE and NARROW are their largest numbers. */
enum { TALL = 3, WIDE = 64, NARROW = 16 };

/* acc[i][j] += sum over k < size of a[i][k] * b[j * stride + k], j < count */
void myna_dots_s8(const int8_t *const a[TALL], const int8_t *b, int32_t stride, int32_t size,
                  int32_t count, int32_t acc[TALL][WIDE]);

/* The same, b in the order of reading: see folded_index. */
void myna_dots_s8_s16(const int8_t *const a[TALL], const int16_t *b, int32_t size, int32_t count,
                      int32_t acc[TALL][NARROW]);

/* where myna_dots_s8_s16 reads b[j][k]: columns 2i and 2i + 1 take turns, eight elements at a time
 */
static inline int32_t folded_index(int32_t j, int32_t k, int32_t size) {
    return (j >> 1) * 2 * ((size + 7) & ~7) + (k >> 3) * 16 + (j & 1) * 8 + (k & 7);
}

/* sum of x */
int32_t myna_sum_s8(const int8_t *x, int32_t count);
/* to[i] = from[i]; inline, because most copies are short */
static inline void copy_s8(int8_t *to, const int8_t *from, int32_t count) {
    __asm volatile("wlstp.8 lr, %[count], 2f\n"
                   "1: vldrb.8 q0, [%[from]], #16\n"
                   "vstrb.8 q0, [%[to]], #16\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+&r"(to), [from] "+&r"(from)
                   : [count] "r"(count)
                   : "lr", "q0", "memory");
}

/* to[i] = from[i * stride] */
void myna_gather_s8(int8_t *to, const int8_t *from, int32_t stride, int32_t count);
/* x[i] += value; whole vectors are written */
void myna_add_s32(int32_t *x, int32_t value, int32_t count);

/* any shift does for zero: one for which one high product is enough */
static inline struct fx_multiplier without_left(struct fx_multiplier by) {
    return by.mantissa == 0 ? (struct fx_multiplier){0, 33} : by;
}

/* y[i] = layer_scale(acc[i]), clamped */
void myna_layer_row(const struct layer *p, int32_t count, const int32_t *acc,
                    const int32_t *mantissa, const int32_t *shift, int8_t *y);

/* dx[i * stride + j] = requantize_gradient(acc[i * NARROW + j]); acc is read as whole rows, which
   must be zero beyond `count`, and cleared */
void myna_gradient_rows(struct fx_multiplier by, int32_t rows, int32_t count, int32_t *acc,
                        int8_t *dx, int32_t stride, int32_t *peak);

/* myna_sgd_row for steps that are in Q16 already */
void myna_sgd_exact_row(uint32_t key, const int32_t *exact, uint32_t index, uint32_t count,
                        int8_t *w, int8_t *residual);

#endif

#endif
