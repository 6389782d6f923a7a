/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dsp/pairs_dsp.h"

#if MYNA_DSP
#include <string.h>

#include "kernels/dsp/words_dsp.h"

enum { RIGHT = 14 }; /* up to which a zero point and a half, shifted to the left, are small */

/* add + (mantissa times a half of the pair >> 16) */
static inline int32_t low_product(int32_t mantissa, uint32_t pair, int32_t add) {
    int32_t sum;
    __asm("smlawb %0, %1, %2, %3" : "=r"(sum) : "r"(mantissa), "r"(pair), "r"(add));
    return sum;
}
static inline int32_t high_product(int32_t mantissa, uint32_t pair, int32_t add) {
    int32_t sum;
    __asm("smlawt %0, %1, %2, %3" : "=r"(sum) : "r"(mantissa), "r"(pair), "r"(add));
    return sum;
}

static inline uint32_t load_pair(const int16_t *x) {
    uint32_t pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

/* product / 2^15, of which the half was added before, and that / 2^right, rounded; `half` holds the
 * zero point, too */
static inline int8_t narrow(int32_t product, int32_t half, int32_t right) {
    return (int8_t)fx_narrow8((half + (product >> 15) + (product >> 31)) >> right);
}

uint32_t myna_requantize_s16_s8_pairs(const struct requantize *p, const int16_t *x, int8_t *y) {
    const int32_t right = -p->shift, mantissa = p->mantissa;
    if (p->x_zero != 0 || p->low != INT8_MIN || p->high != INT8_MAX || right < 1 || right > RIGHT)
        return 0u;
    const int32_t half = ((2 * p->y_zero + 1) * (1 << right)) / 2;
    const uint32_t count = p->size & ~1u;
    for (const int16_t *end = x + count; x < end; x += 2, y += 2) {
        uint32_t pair = load_pair(x);
        y[0] = narrow(low_product(mantissa, pair, 1 << 14), half, right);
        y[1] = narrow(high_product(mantissa, pair, 1 << 14), half, right);
    }
    return count;
}

static inline uint32_t add_halves(uint32_t a, uint32_t b) {
    uint32_t sum;
    __asm("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}
static inline uint32_t add_halves_saturated(uint32_t a, uint32_t b) {
    uint32_t sum;
    __asm("qadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* how many are not zero */
__attribute__((noinline)) static int32_t count_halves(uint32_t pair) {
    return ((pair & 0xFFFFu) != 0u) + (pair >> 16 != 0u);
}

uint32_t myna_couple_pairs(const struct coupling *p, const int16_t *x, const int8_t *branch,
                           int32_t *wrapped, int16_t *y) {
    const int32_t mantissa = p->mantissa, left = p->shift + 1, zero = p->branch_zero;
    if (p->shift < 0)
        return 0u;
    const uint32_t count = p->size & ~1u;
    for (const int16_t *end = x + count; x < end; x += 2, y += 2, branch += 2) {
        uint32_t low = (uint32_t)(branch[0] - zero) << left;
        uint32_t high = (uint32_t)(branch[1] - zero) << left;
        uint32_t wide = dsp_halves(fx_narrow16(fx_rounded_high((int32_t)low, mantissa)),
                                   fx_narrow16(fx_rounded_high((int32_t)high, mantissa)));
        uint32_t pair = load_pair(x), sum = add_halves(pair, wide);
        uint32_t saturated = add_halves_saturated(pair, wide);
        memcpy(y, &sum, sizeof sum);
        if (sum != saturated) /* rare, and so no sum */
            *wrapped += count_halves(sum ^ saturated);
    }
    return count;
}
#endif
