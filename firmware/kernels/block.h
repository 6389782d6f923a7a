/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of products in blocks of two by two, the inner loops of convolution: two columns of int16
 * are laid out once and multiplied with many pairs of rows. Sums are exact, so the order of terms
 * is free.
 */
#ifndef MYNA_BLOCK_H
#define MYNA_BLOCK_H

#include <stdint.h>
#include <string.h>

enum {
    BLOCK_TERMS = 512, /* most terms of a column */
    BLOCK_ROWS = 64,   /* most rows at a time; even */
    WIDE_TERMS = 128,  /* terms of a column that meets other columns; block_sums_dsp.S knows it */
    WIDE_COLUMNS = 8,  /* most of them at a time; even */
    WIDE_LAY = 4       /* most columns laid at a time */
};

struct block_columns {
    _Alignas(8) int16_t value[2 * BLOCK_TERMS]; /* term k of column c at block_place(c, k) */
};

#ifdef __ARM_FEATURE_DSP
#include "kernels/dsp/block_dsp.h"
#else
static inline uint32_t block_place(uint32_t column, uint32_t k) {
    return column * BLOCK_TERMS + k;
}
#endif

static inline void block_set(struct block_columns *b, uint32_t column, uint32_t k, int32_t value) {
    b->value[block_place(column, k)] = (int16_t)value;
}

/* column = x - zero */
static inline void block_set_all(struct block_columns *b, uint32_t column, const int8_t *x,
                                 uint32_t size, int32_t zero) {
    uint32_t k = 0u;
#ifdef __ARM_FEATURE_DSP
    for (uint32_t minus = dsp_twice(-zero); k + 4u <= size; k += 4u)
        block_put4(&b->value[block_place(column, k)], x + k, minus);
#endif
    for (; k < size; k++)
        block_set(b, column, k, x[k] - zero);
}

/* column = x */
static inline void block_set_wide(struct block_columns *b, uint32_t column, const int16_t *x,
                                  uint32_t size) {
    uint32_t k = 0u;
#ifdef __ARM_FEATURE_DSP
    for (; k + 4u <= size; k += 4u)
        block_put4_wide(&b->value[block_place(column, k)], x + k);
#endif
    for (; k < size; k++)
        block_set(b, column, k, x[k]);
}

/* acc[r][c] = sum over `size` terms of row r times column c; the rows are `stride` apart */
void myna_block_rows(const struct block_columns *columns, const int8_t *rows, uint32_t stride,
                     uint32_t size, uint32_t count, int32_t (*acc)[2]);

/* the same of column 0 alone: acc[r][0] */
void myna_block_rows_of_one(const struct block_columns *columns, const int8_t *rows,
                            uint32_t stride, uint32_t size, uint32_t count, int32_t (*acc)[2]);

/* Columns i < `width` <= WIDE_LAY: the bytes at x + i, x + i + stride, …, less zero; then zeros up
 * to a multiple of four terms. */
void myna_block_lay(int16_t (*columns)[WIDE_TERMS], const int8_t *x, uint32_t width,
                    uint32_t stride, uint32_t count, int32_t zero);

/* acc[o][c] += sum over `fours` times four terms of other column o times column c */
void myna_block_wide(const int16_t (*columns)[WIDE_TERMS], const int16_t (*others)[WIDE_TERMS],
                     uint32_t pairs, uint32_t fours, int32_t (*acc)[WIDE_COLUMNS]);

#endif
