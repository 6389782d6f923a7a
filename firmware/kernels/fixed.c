/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fixed.h"

struct fx_pair myna_fx_pair_from_int(int32_t value) {
    if (value == 0)
        return (struct fx_pair){0, 0};
    int32_t exponent = 32 - __builtin_clz((uint32_t)value);
    return (struct fx_pair){(int32_t)((uint32_t)value << (31 - exponent)), exponent};
}

struct fx_pair myna_fx_pair_mul(struct fx_pair a, struct fx_pair b) {
    if (a.mantissa == 0 || b.mantissa == 0)
        return (struct fx_pair){0, 0};
    int64_t product = (int64_t)a.mantissa * b.mantissa;
    int32_t exponent = a.exponent + b.exponent;
    if (product < (int64_t)1 << 61) {
        product *= 2;
        exponent -= 1;
    }
    int64_t mantissa = (product + ((int64_t)1 << 30)) >> 31;
    if (mantissa >= (int64_t)1 << 31)
        return (struct fx_pair){1 << 30, exponent + 1};
    return (struct fx_pair){(int32_t)mantissa, exponent};
}

struct fx_pair myna_fx_pair_div(struct fx_pair a, struct fx_pair b) {
    if (a.mantissa == 0)
        return (struct fx_pair){0, 0};
    uint64_t quotient = ((uint64_t)(uint32_t)a.mantissa << 31) / (uint32_t)b.mantissa;
    int32_t exponent = a.exponent - b.exponent;
    if (quotient < (uint64_t)1 << 31)
        return (struct fx_pair){(int32_t)quotient, exponent};
    return (struct fx_pair){(int32_t)(quotient >> 1), exponent + 1};
}

bool myna_fx_pair_less(struct fx_pair a, struct fx_pair b) {
    if (a.mantissa == 0 || b.mantissa == 0)
        return a.mantissa < b.mantissa;
    return a.exponent != b.exponent ? a.exponent < b.exponent : a.mantissa < b.mantissa;
}

struct fx_multiplier myna_fx_pair_multiplier(struct fx_pair pair) {
    int32_t shift = 31 - pair.exponent;
    if (pair.mantissa == 0 || shift > 62)
        return (struct fx_multiplier){0, 1};
    if (shift < 1)
        return (struct fx_multiplier){INT32_MAX, 1};
    return (struct fx_multiplier){pair.mantissa, shift};
}

/* round(log2(1 + i / 64) * 65536) */
static const int32_t log2_table[65] = {
    0,     1466,  2909,  4331,  5732,  7112,  8473,  9814,  11136, 12440, 13727, 14996, 16248,
    17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029, 30109, 31178,
    32234, 33279, 34312, 35334, 36346, 37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068,
    44990, 45904, 46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410,
    56229, 57040, 57845, 58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536};

int32_t myna_fx_log2_q16(uint64_t x) {
    int32_t exponent = 63 - __builtin_clzll(x);
    uint32_t fraction = (uint32_t)(exponent >= 16 ? x >> (exponent - 16) : x << (16 - exponent));
    fraction &= 0xFFFFu;
    int32_t low = log2_table[fraction >> 10];
    int32_t high = log2_table[(fraction >> 10) + 1u];
    int32_t rest = (int32_t)(fraction & 0x3FFu);
    return exponent * 65536 + low + (((high - low) * rest) >> 10);
}

int32_t myna_fx_divide(int64_t value, uint32_t by) {
    uint64_t size = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    int32_t quotient = (int32_t)((2u * size + by) / (2u * (uint64_t)by));
    return value < 0 ? -quotient : quotient;
}

uint32_t myna_fx_isqrt(uint64_t x) {
    uint32_t root = 0u;
    for (uint32_t bit = 1u << 31; bit != 0u; bit >>= 1) {
        uint64_t trial = root | bit;
        root = trial * trial <= x ? (uint32_t)trial : root;
    }
    return root;
}
