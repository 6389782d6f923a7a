/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four bytes at a time with the DSP extension (Cortex-M4, M7). SXTB16 unpacks bytes 0 and 2, or 1
 * and 3, of a word: so four terms of a column lie in the order 0 2 1 3. In assembly, because the
 * compiler does not fold the rotation into SXTAB16.
 */
#ifndef MYNA_BLOCK_DSP_H
#define MYNA_BLOCK_DSP_H

#include <stdint.h>
#include <string.h>

static inline uint32_t block_place(uint32_t column, uint32_t k) {
    return (k & ~3u) * 2u + column * 4u + ((k & 3u) >> 1) + (k & 1u) * 2u;
}

/* four bytes, which need not be aligned */
static inline uint32_t dsp_load4(const int8_t *x) {
    uint32_t word;
    __asm("ldr %0, [%1]" : "=r"(word) : "r"(x), "m"(*(const int8_t (*)[4])x));
    return word;
}

/* two halfwords; `to` is aligned to words */
static inline void dsp_store(int16_t *to, uint32_t pair) {
    memcpy(__builtin_assume_aligned(to, 4), &pair, sizeof pair);
}

/* the halfword in both halves */
static inline uint32_t dsp_twice(int32_t halfword) {
    return ((uint32_t)halfword & 0xFFFFu) * 0x10001u;
}

/* the low halves of both, the first one below */
static inline uint32_t dsp_halves(int32_t low, int32_t high) {
    return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
}

/* bytes 0 and 2 of x, or 1 and 3, as halfwords, added to those of `to` */
static inline uint32_t dsp_add_even(uint32_t to, uint32_t x) {
    uint32_t result;
    __asm("sxtab16 %0, %1, %2" : "=r"(result) : "r"(to), "r"(x));
    return result;
}
static inline uint32_t dsp_add_odd(uint32_t to, uint32_t x) {
    uint32_t result;
    __asm("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(to), "r"(x));
    return result;
}

/* four terms of a column: bytes of x, each plus a halfword of `add` */
static inline void block_put4(int16_t *column, const int8_t *x, uint32_t add) {
    uint32_t word = dsp_load4(x);
    dsp_store(column, dsp_add_even(add, word));
    dsp_store(column + 2, dsp_add_odd(add, word));
}

/* block_sums_dsp.S: acc[p] = sums over 4 * `fours` terms of two columns with each of `pairs` > 0
 * pairs of rows, `stride` apart, in the order of acc[2][2] in block_rows; a pair's terms end `next`
 * bytes before the next pair begins */
void block_pairs(const int16_t *columns, const int8_t *rows, uint32_t stride, uint32_t fours,
                 int32_t *acc, uint32_t pairs, uint32_t next);

/* the first `count` terms, an even number, of four columns for block_lay */
void block_lay_four(int16_t *columns, const int8_t *x, uint32_t stride, uint32_t count,
                    uint32_t add);

/* block_wide */
void block_wide_pairs(const int16_t *columns, const int16_t *others, uint32_t pairs, uint32_t fours,
                      int32_t *acc);

#endif
