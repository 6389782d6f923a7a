/* SPDX-License-Identifier: Apache-2.0 */
/* Columns for the DSP extension: four terms lie in the order 0 2 1 3, in which SXTB16 unpacks. */
#ifndef MYNA_BLOCK_DSP_H
#define MYNA_BLOCK_DSP_H

#include "kernels/dsp/words_dsp.h"

static inline uint32_t block_place(uint32_t column, uint32_t k) {
    return (k & ~3u) * 2u + column * 4u + ((k & 3u) >> 1) + (k & 1u) * 2u;
}

/* four terms of a column: bytes of x, each plus a halfword of `add` */
static inline void block_put4(int16_t *column, const int8_t *x, uint32_t add) {
    uint32_t word = dsp_load4(x);
    dsp_store(column, dsp_add_even(add, word));
    dsp_store(column + 2, dsp_add_odd(add, word));
}

/* four terms of a column */
static inline void block_put4_wide(int16_t *column, const int16_t *x) {
    column[0] = x[0], column[1] = x[2];
    column[2] = x[1], column[3] = x[3];
}

/* block_sums_dsp.S: acc[p] = sums over 4 * `fours` terms of two columns with each of `pairs` > 0
 * pairs of rows, `stride` apart, in the order of acc[2][2] in myna_block_rows; a pair's terms end
 * `next` bytes before the next pair begins */
void myna_block_pairs(const int16_t *columns, const int8_t *rows, uint32_t stride, uint32_t fours,
                      int32_t *acc, uint32_t pairs, uint32_t next);

/* block_sums_dsp.S: acc[2 * r] = sums over 4 * `fours` terms of column 0 with row r; rows are
 * `stride` apart, `quads` > 0 times four, and four of them end `next` bytes before the next four
 * begin */
void myna_block_quads(const int16_t *columns, const int8_t *rows, uint32_t stride, uint32_t fours,
                      int32_t *acc, uint32_t quads, uint32_t next);

/* the first `count` terms, an even number, of four columns for myna_block_lay */
void myna_block_lay_four(int16_t *columns, const int8_t *x, uint32_t stride, uint32_t count,
                         uint32_t add);

/* myna_block_wide */
void myna_block_wide_pairs(const int16_t *columns, const int16_t *others, uint32_t pairs,
                           uint32_t fours, int32_t *acc);

#endif
