/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four bytes at a time with the DSP extension (Cortex-M4, M7): SXTB16 unpacks bytes 0 and 2, or 1
 * and 3, of a word. In assembly, because the compiler does not fold the rotation into SXTAB16.
 */
#ifndef MYNA_WORDS_DSP_H
#define MYNA_WORDS_DSP_H

#include <stdint.h>
#include <string.h>

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

#endif
