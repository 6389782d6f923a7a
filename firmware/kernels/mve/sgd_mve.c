/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mve/helium_mve.h"
#include "kernels/sgd.h"

#if MYNA_MVE
#include <arm_mve.h>

/* fx_random32 for four elements in a row: what it mixes for each, and the shift to the element's
   half of the word, which stays the same */
struct noise {
    uint32x4_t state;
    int32x4_t half;
};

static inline struct noise noise_begin(uint32_t key, uint32_t index) {
    const uint32x4_t element = vidupq_n_u32(index, 1);
    const uint32x4_t odd = vandq_u32(element, vdupq_n_u32(1u));
    return (struct noise){vaddq_n_u32(vmulq_n_u32(vshrq_n_u32(element, 1), FX_STRIDE), key),
                          vmulq_n_s32(vreinterpretq_s32_u32(odd), -16)};
}

static inline int32x4_t noise_next(struct noise *noise) {
    uint32x4_t x = noise->state;
    noise->state = vaddq_n_u32(x, 2u * FX_STRIDE);
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 16)), FX_MIX_A);
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 15)), FX_MIX_B);
    x = vshlq_u32(veorq_u32(x, vshrq_n_u32(x, 16)), noise->half);
    return vreinterpretq_s32_u32(vmovlbq_u16(vreinterpretq_u16_u32(x)));
}

/* sgd_apply to those of four elements that are inside; `exact` are their steps in Q16 */
static inline void apply(int32x4_t exact, int32x4_t noise, mve_pred16_t inside, int8_t *w,
                         int8_t *residual) {
    /* half the sum, which may need 33 bits */
    const int32x4_t delta = vshrq_n_s32(vhaddq_s32(exact, noise), 15);
    int32x4_t master = vshlq_n_s32(vldrbq_z_s32(w, inside), 8);
    master = vsubq_s32(vaddq_s32(master, vldrbq_z_s32(residual, inside)), delta);
    master = vmaxq_s32(master, vdupq_n_s32(MASTER_MIN));
    master = vminq_s32(master, vdupq_n_s32(MASTER_MAX));
    vstrbq_p_s32(w, vrshrq_n_s32(master, 8), inside);
    vstrbq_p_s32(residual, master, inside); /* its low byte is what is left */
}

void myna_sgd_exact_row(uint32_t key, const int32_t *exact, uint32_t index, uint32_t count,
                        int8_t *w, int8_t *residual) {
    struct noise noise = noise_begin(key, index);
    for (uint32_t i = 0u; i < count; i += 4u) {
        const mve_pred16_t inside = vctp32q(count - i);
        apply(vldrwq_z_s32(exact + i, inside), noise_next(&noise), inside, w + i, residual + i);
    }
}

static uint32_t largest(const int32_t *x, uint32_t count) {
    uint32_t top = 0u;
    for (uint32_t i = 0u; i < count; i += 4u)
        top = vmaxavq_s32(top, vldrwq_z_s32(x + i, vctp32q(count - i)));
    return top;
}

/* fx_scale32 in vectors: a left shift, the high word of the product, and a rounding shift right. It
   is exact where the first does not overflow. */
void myna_sgd_row(const struct sgd *sgd, struct fx_multiplier by, const int32_t *acc,
                  uint32_t index, uint32_t count, int8_t *w, int8_t *residual) {
    by = without_left(by);
    const int32_t left = fx_max32(0, 33 - by.shift), right = fx_max32(1, by.shift - 32);
    if (left > 0 && largest(acc, count) > (uint32_t)INT32_MAX >> fx_min32(left, 31)) {
        for (uint32_t i = 0u; i < count; i++)
            sgd_apply(&w[i], &residual[i], sgd_delta(sgd, by, acc[i], index + i));
        return;
    }
    struct noise noise = noise_begin(sgd->key, index);
    for (uint32_t i = 0u; i < count; i += 4u) {
        const mve_pred16_t inside = vctp32q(count - i);
        int32x4_t x = vshlq_r_s32(vldrwq_z_s32(acc + i, inside), left);
        x = vrshlq_n_s32(vmulhq_s32(x, vdupq_n_s32(by.mantissa)), -right);
        apply(x, noise_next(&noise), inside, w + i, residual + i);
    }
}

#endif
