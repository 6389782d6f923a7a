/* SPDX-License-Identifier: Apache-2.0 */
/* The only arithmetic of the firmware; twin of toolchain/myna/fixed.py, function by function. */
#ifndef MYNA_FIXED_H
#define MYNA_FIXED_H

#include <stdbool.h>
#include <stdint.h>

/* the DSP extension alone (Cortex-M4, M7); where Helium is, too, that is used instead */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#define MYNA_DSP 1
#else
#define MYNA_DSP 0
#endif
/* 1 where the core has Helium (Cortex-M55), at least for integers */
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#define MYNA_MVE 1
#else
#define MYNA_MVE 0
#endif
/* registers of 32 bits, and nothing that computes on parts of them */
#if UINTPTR_MAX == UINT32_MAX && !MYNA_DSP && !MYNA_MVE
#define MYNA_SCALAR 1
#else
#define MYNA_SCALAR 0
#endif

/* value = mantissa * 2^(exponent - 31), 2^30 <= mantissa < 2^31; {0, 0} is zero */
struct fx_pair {
    int32_t mantissa;
    int32_t exponent;
};

/* multiplies by mantissa * 2^-shift, 1 <= shift <= 62 */
struct fx_multiplier {
    int32_t mantissa;
    int32_t shift;
};

static inline int32_t fx_max32(int32_t a, int32_t b) {
    return a > b ? a : b;
}
static inline int32_t fx_min32(int32_t a, int32_t b) {
    return a < b ? a : b;
}
static inline uint32_t fx_minu32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}
static inline int32_t fx_clamp32(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}
/* |x|, with INT32_MIN saturated */
static inline int32_t fx_abs32(int32_t x) {
    return x < 0 ? (x == INT32_MIN ? INT32_MAX : -x) : x;
}
static inline int8_t fx_sat8(int32_t x) {
    return (int8_t)fx_clamp32(x, -127, 127);
}

/* saturates to int8 */
static inline int32_t fx_narrow8(int32_t x) {
#ifdef __ARM_FEATURE_SAT
    int32_t narrow;
    __asm("ssat %0, #8, %1" : "=r"(narrow) : "r"(x));
    return narrow;
#else
    return fx_clamp32(x, INT8_MIN, INT8_MAX);
#endif
}

/* saturates to int16 */
static inline int32_t fx_narrow16(int32_t x) {
#ifdef __ARM_FEATURE_SAT
    int32_t narrow;
    __asm("ssat %0, #16, %1" : "=r"(narrow) : "r"(x));
    return narrow;
#else
    return fx_clamp32(x, INT16_MIN, INT16_MAX);
#endif
}

/* (twice * mantissa + 2^31) >> 32 */
static inline int32_t fx_rounded_high(int32_t twice, int32_t mantissa) {
#ifdef __ARM_FEATURE_DSP
    int32_t high;
    __asm("smmulr %0, %1, %2" : "=r"(high) : "r"(twice), "r"(mantissa));
    return high;
#else
    return (int32_t)(((int64_t)twice * mantissa + ((int64_t)1 << 31)) >> 32);
#endif
}

/* x / 2^right to the nearest integer, halves away from zero: a negative x is rounded up from a unit
 * less than a half; |x| < 2^30 */
static inline int32_t fx_round_down(int32_t x, int32_t right) {
    uint32_t unit = (uint32_t)1 << right, less = (uint32_t)(x >> 31);
    return (x + (int32_t)((unit + less) >> 1)) >> right;
}

/* x * mantissa * 2^-(31 + right), rounded twice as TFLite-Micro does; |x| < 2^30, 0 <= right */
static inline int32_t fx_requantize_down(int32_t x, int32_t mantissa, int32_t right) {
    return fx_round_down(fx_rounded_high(2 * x, mantissa), right);
}

/* x * mantissa * 2^(shift - 31), rounded twice as TFLite-Micro does; |x| * 2^max(shift, 0) < 2^30
 */
static inline int32_t fx_requantize(int32_t x, int32_t mantissa, int32_t shift) {
    int32_t left = fx_max32(shift, 0);
    return fx_round_down(fx_rounded_high((int32_t)((uint32_t)x << (left + 1)), mantissa),
                         left - shift);
}

/* fx_scale32 where shift > 32: only the high word matters, and nothing can overflow */
static inline int32_t fx_scale_down(int32_t x, struct fx_multiplier by) {
    int32_t high = (int32_t)(((int64_t)x * by.mantissa) >> 32);
    return (high + ((int32_t)1 << (by.shift - 33))) >> (by.shift - 32);
}

/* x * mantissa * 2^-shift, rounded once (half up), saturated */
static inline int32_t fx_scale32(int32_t x, struct fx_multiplier by) {
    if (by.shift > 32)
        return fx_scale_down(x, by);
    int64_t rounded = ((int64_t)x * by.mantissa + ((int64_t)1 << (by.shift - 1))) >> by.shift;
    if (rounded > INT32_MAX)
        return INT32_MAX;
    return rounded < INT32_MIN ? INT32_MIN : (int32_t)rounded;
}

struct fx_pair myna_fx_pair_from_int(int32_t value);
struct fx_pair myna_fx_pair_mul(struct fx_pair a, struct fx_pair b);
struct fx_pair myna_fx_pair_div(struct fx_pair a, struct fx_pair b);
bool myna_fx_pair_less(struct fx_pair a, struct fx_pair b);
struct fx_multiplier myna_fx_pair_multiplier(struct fx_pair pair);

/* base-2 logarithm of x >= 1 in Q16 */
int32_t myna_fx_log2_q16(uint64_t x);

/* value / by to the nearest integer, halves away from zero; by > 0, the quotient fits int32 */
int32_t myna_fx_divide(int64_t value, uint32_t by);

/* square root, rounded down */
uint32_t myna_fx_isqrt(uint64_t x);

#define FX_MIX_A 0x7FEB352Du
#define FX_MIX_B 0x846CA68Bu
#define FX_STRIDE 0x9E3779B9u

static inline uint32_t fx_mix(uint32_t x, uint32_t a, uint32_t b) {
    x = (x ^ (x >> 16)) * a;
    x = (x ^ (x >> 15)) * b;
    return x ^ (x >> 16);
}
static inline uint32_t fx_mix32(uint32_t x) {
    return fx_mix(x, FX_MIX_A, FX_MIX_B);
}
static inline uint32_t fx_key(uint32_t seed, uint32_t step, uint32_t tag) {
    return fx_mix32(fx_mix32(fx_mix32(seed ^ FX_STRIDE) ^ step) ^ tag);
}
static inline uint32_t fx_random32(uint32_t key, uint32_t index) {
    return fx_mix32(key + index * FX_STRIDE);
}

#endif
