/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mve/vectors_mve.h"

#if MYNA_MVE
#include "kernels/mve/fixed_mve.h"

/* fx_requantize by one multiplier for all elements */
static inline int32x4_t requantize_small(int32x4_t x, int32_t mantissa, int32_t shift) {
    x = vshlq_r_s32(x, fx_max32(shift, 0));
    return mve_requantize_down(x, vdupq_n_s32(mantissa), vdupq_n_s32(fx_min32(shift, 0)));
}

static inline int32x4_t requantize(const struct requantize *p, int32x4_t x) {
    x = requantize_small(vsubq_n_s32(x, p->x_zero), p->mantissa, p->shift);
    x = vmaxq_s32(vaddq_n_s32(x, p->y_zero), vdupq_n_s32(p->low));
    return vminq_s32(x, vdupq_n_s32(p->high));
}

uint32_t myna_requantize_s16_s8_vectors(const struct requantize *p, const int16_t *x, int8_t *y) {
    const struct requantize own = *p; /* which stores to y cannot change */
    for (uint32_t n = own.size / 4u; n > 0u; n--, x += 4, y += 4)
        vstrbq_s32(y, requantize(&own, vldrhq_s32(x)));
    return own.size & ~3u;
}

uint32_t myna_requantize_s8_s16_vectors(const struct requantize *p, const int8_t *x, int16_t *y) {
    const struct requantize own = *p;
    for (uint32_t n = own.size / 4u; n > 0u; n--, x += 4, y += 4)
        vstrhq_s32(y, requantize(&own, vldrbq_s32(x)));
    return own.size & ~3u;
}

uint32_t myna_requantize_s8_s8_vectors(const struct requantize *p, const int8_t *x, int8_t *y) {
    const struct requantize own = *p;
    for (uint32_t n = own.size / 4u; n > 0u; n--, x += 4, y += 4)
        vstrbq_s32(y, requantize(&own, vldrbq_s32(x)));
    return own.size & ~3u;
}

/* eight branch values as int16, saturated */
static inline int16x8_t widen(const struct coupling *p, const int8_t *branch) {
    const int16x8_t x = vsubq_n_s16(vldrbq_s16(branch), (int16_t)p->branch_zero);
    const int32x4_t even = requantize_small(vmovlbq_s16(x), p->mantissa, p->shift);
    const int32x4_t odd = requantize_small(vmovltq_s16(x), p->mantissa, p->shift);
    return vqmovntq_s32(vqmovnbq_s32(x, even), odd);
}

uint32_t myna_couple_vectors(const struct coupling *p, const int16_t *x, const int8_t *branch,
                             int32_t *wraps, int16_t *y) {
    const struct coupling own = *p;
    const int16x8_t one = vdupq_n_s16(1);
    int32_t wrapped = *wraps;
    for (uint32_t n = own.size / 8u; n > 0u; n--, x += 8, branch += 8, y += 8) {
        const int16x8_t from = vldrhq_s16(x), by = widen(&own, branch);
        const int16x8_t total = vaddq_s16(from, by);
        wrapped = vaddvaq_p_s16(wrapped, one, vcmpneq_s16(total, vqaddq_s16(from, by)));
        vstrhq_s16(y, total);
    }
    *wraps = wrapped;
    return own.size & ~7u;
}

uint32_t myna_uncouple_vectors(const struct coupling *p, const int16_t *y, const int8_t *branch,
                               int16_t *x) {
    const struct coupling own = *p;
    for (uint32_t n = own.size / 8u; n > 0u; n--, x += 8, branch += 8, y += 8)
        vstrhq_s16(x, vsubq_s16(vldrhq_s16(y), widen(&own, branch)));
    return own.size & ~7u;
}

uint32_t myna_clamp_grad_vectors(const struct clamp_grad *p, const int8_t *dy, const int8_t *y,
                                 int8_t *dx) {
    if (p->low >= INT8_MAX || p->high <= INT8_MIN) /* nothing lies between */
        return 0u;
    const int8_t least = (int8_t)(p->low + 1), most = (int8_t)(p->high - 1);
    const uint32_t size = p->size;
    for (uint32_t n = size / 16u; n > 0u; n--, dy += 16, y += 16, dx += 16) {
        const int8x16_t value = vldrbq_s8(y);
        const mve_pred16_t above = vcmpgeq_n_s8(value, least);
        vstrbq_s8(dx, vldrbq_z_s8(dy, vcmpleq_m_n_s8(value, most, above)));
    }
    return size & ~15u;
}

static inline int32x4_t scaled(const int8_t *x, int32_t left, struct fx_multiplier by) {
    const int32x4_t high = vmulhq_s32(vshlq_r_s32(vldrbq_s32(x), left), vdupq_n_s32(by.mantissa));
    return vrshlq_n_s32(high, 32 - by.shift);
}

uint32_t myna_grad_add_vectors(uint32_t size, const int8_t *a, int32_t left_a,
                               struct fx_multiplier by_a, const int8_t *b, int32_t left_b,
                               struct fx_multiplier by_b, int8_t *sum, int32_t *peak) {
    uint32_t top = (uint32_t)*peak;
    for (uint32_t n = size / 4u; n > 0u; n--, a += 4, b += 4, sum += 4) {
        int32x4_t x = vaddq_s32(scaled(a, left_a, by_a), scaled(b, left_b, by_b));
        x = vrshrq_n_s32(x, 8);
        top = vmaxavq_s32(top, x);
        vstrbq_s32(sum, vminq_s32(vmaxq_s32(x, vdupq_n_s32(-127)), vdupq_n_s32(127)));
    }
    *peak = (int32_t)top;
    return size & ~3u;
}

#endif
