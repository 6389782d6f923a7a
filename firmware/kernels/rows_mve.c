/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rows_mve.h"

#if MYNA_MVE
#include <arm_mve.h>

int32_t sum_s8(const int8_t *x, int32_t count) {
    int32_t sum = 0;
    __asm volatile("wlstp.8 lr, %[count], 2f\n"
                   "1: vldrb.8 q0, [%[x]], #16\n"
                   "vaddva.s8 %[sum], q0\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [sum] "+Te"(sum), [x] "+r"(x)
                   : [count] "r"(count)
                   : "lr", "q0", "memory");
    return sum;
}

void copy_s8(int8_t *to, const int8_t *from, int32_t count) {
    __asm volatile("wlstp.8 lr, %[count], 2f\n"
                   "1: vldrb.8 q0, [%[from]], #16\n"
                   "vstrb.8 q0, [%[to]], #16\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+r"(to), [from] "+r"(from)
                   : [count] "r"(count)
                   : "lr", "q0", "memory");
}

void gather_s8(int8_t *to, const int8_t *from, int32_t stride, int32_t count) {
    if (stride > UINT16_MAX / 7) { /* beyond the reach of a vector's offsets */
        for (int32_t i = 0; i < count; i++)
            to[i] = from[i * stride];
        return;
    }
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)stride);
    __asm volatile("wlstp.16 lr, %[count], 2f\n"
                   "1: vldrb.u16 q0, [%[from], %q[offsets]]\n"
                   "adds %[from], %[step]\n"
                   "vstrb.16 q0, [%[to]], #8\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+l"(to), [from] "+l"(from)
                   : [count] "r"(count), [offsets] "w"(offsets), [step] "l"(8 * stride)
                   : "lr", "q0", "cc", "memory");
}

void add_s32(int32_t *x, int32_t value, int32_t count) {
    for (; count > 0; count -= 4, x += 4)
        vstrwq_s32(x, vaddq_n_s32(vldrwq_s32(x), value));
}

void layer_row(const struct layer *p, int32_t count, const int32_t *acc, const int32_t *mantissa,
               const int32_t *shift, int8_t *y) {
    const int32x4_t low = vdupq_n_s32(p->low), high = vdupq_n_s32(p->high);
    const int32_t zero = p->y_zero;
    int32_t left = 0;
    for (int32_t n = count >> 2; n > 0; n--) {
        int32x4_t right = vldrwq_s32(shift);
        int32x4_t x = vqrdmulhq_s32(vldrwq_s32(acc), vldrwq_s32(mantissa));
        x = vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)); /* halves away from zero */
        x = vaddq_n_s32(vrshlq_s32(x, right), zero);
        left = vmaxvq_s32(left, right);
        vstrbq_s32(y, vminq_s32(vmaxq_s32(x, low), high));
        acc += 4, mantissa += 4, shift += 4, y += 4;
    }
    /* what is left over, or all if a shift is to the left */
    for (int32_t i = left > 0 ? -(count & ~3) : 0; i < (count & 3); i++)
        y[i] = layer_finish(p, acc[i], mantissa[i], shift[i]);
}

/* fx_scale32 in vectors: x << left, high word of the product, rounding shift right */
struct scale {
    int32_t mantissa, left, right, limit; /* |x| <= limit */
};

static struct scale scale_of(struct fx_multiplier by) {
    int32_t left = by.mantissa == 0 ? 0 : fx_max32(0, 33 - by.shift);
    return (struct scale){by.mantissa, left, fx_max32(1, by.shift - 32),
                          INT32_MAX >> fx_min32(31, left)};
}

static inline int32x4_t scale_s32(int32x4_t x, const struct scale *by) {
    int32x4_t high = vmulhq_s32(vshlq_r_s32(x, by->left), vdupq_n_s32(by->mantissa));
    return vrshlq_n_s32(high, -by->right);
}

/* how many elements of a row the vectors take: whole vectors, or none if one is too large */
static int32_t vectors(const struct scale *by, int32_t count, const int32_t *acc) {
    uint32_t top = 0;
    if (by->left > 0)
        for (int32_t n = count >> 2; n > 0; n--, acc += 4)
            top = vmaxavq_s32(top, vldrwq_s32(acc));
    return top > (uint32_t)by->limit ? 0 : count & ~3;
}

void gradient_rows(struct fx_multiplier by, int32_t rows, int32_t count,
                   const int32_t acc[][NARROW], int8_t *dx, int32_t stride, int32_t *peak) {
    const int32x4_t low = vdupq_n_s32(-127), high = vdupq_n_s32(127);
    const int32_t whole = by.shift > 32 ? count & ~3 : 0; /* what one high product can do */
    uint32_t top = (uint32_t)*peak;
    for (; rows > 0; rows--, acc++, dx += stride) {
        const int32_t *from = acc[0];
        int8_t *to = dx;
        for (int32_t n = whole >> 2; n > 0; n--, from += 4, to += 4) {
            int32x4_t value = vmulhq_s32(vldrwq_s32(from), vdupq_n_s32(by.mantissa));
            value = vrshlq_n_s32(value, 32 - by.shift);
            top = vmaxavq_s32(top, value);
            vstrbq_s32(to, vminq_s32(vmaxq_s32(value, low), high));
        }
        for (int32_t i = whole; i < count; i++) {
            int32_t rest = (int32_t)top;
            dx[i] = requantize_gradient(acc[0][i], by, &rest);
            top = (uint32_t)rest;
        }
    }
    *peak = (int32_t)top;
}

#define RANDOM_STRIDE 0x9E3779B9u /* as in fx_random32 */

static inline uint32x4_t mix_u32(uint32x4_t x) {
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 16)), 0x7FEB352Du);
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 15)), 0x846CA68Bu);
    return veorq_u32(x, vshrq_n_u32(x, 16));
}

void update_row(const struct sgd *sgd, struct fx_multiplier by, int32_t count, const int32_t *acc,
                uint32_t index, int8_t *w, int8_t *residual) {
    const struct scale scale = scale_of(by);
    const int32x4_t low = vdupq_n_s32(MASTER_MIN), high = vdupq_n_s32(MASTER_MAX);
    /* each lane's argument of fx_mix32 in fx_random32, and the shift to its half of the word */
    const uint32x4_t lane = vidupq_n_u32(index, 1);
    uint32x4_t state = vaddq_n_u32(vmulq_n_u32(vshrq_n_u32(lane, 1), RANDOM_STRIDE), sgd->key);
    const int32x4_t half =
        vnegq_s32(vreinterpretq_s32_u32(vshlq_n_u32(vandq_u32(lane, vdupq_n_u32(1u)), 4)));
    int32_t whole = vectors(&scale, count, acc);
    for (int32_t n = whole >> 2; n > 0; n--) {
        uint16x8_t word = vreinterpretq_u16_u32(vshlq_u32(mix_u32(state), half));
        int32x4_t noise = vreinterpretq_s32_u32(vmovlbq_u16(word));
        int32x4_t exact = scale_s32(vldrwq_s32(acc), &scale);
        int32x4_t delta = vshrq_n_s32(vhaddq_s32(exact, noise), 15); /* the sum may need 33 bits */
        int32x4_t master = vaddq_s32(vshlq_n_s32(vldrbq_s32(w), 8), vldrbq_s32(residual));
        master = vminq_s32(vmaxq_s32(vsubq_s32(master, delta), low), high);
        vstrbq_s32(w, vrshrq_n_s32(master, 8));
        vstrbq_s32(residual, master); /* its low byte is what is left */
        state = vaddq_n_u32(state, 2u * RANDOM_STRIDE);
        acc += 4, index += 4, w += 4, residual += 4;
    }
    for (int32_t i = 0; i < count - whole; i++)
        sgd_apply(&w[i], &residual[i], sgd_delta(sgd, by, acc[i], index + (uint32_t)i));
}

#endif
