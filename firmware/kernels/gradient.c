/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gradient.h"

#include "kernels/mve/vectors_mve.h"
#include "kernels/pairs.h"

#if MYNA_DSP
#include "kernels/dsp/words_dsp.h"

/* four values at a time while both bounds are bytes; returns how many */
static uint32_t clamp_grad_fours(const struct clamp_grad *p, const int8_t *dy, const int8_t *y,
                                 int8_t *dx) {
    if (p->low >= INT8_MAX || p->high <= INT8_MIN)
        return 0u;
    const uint32_t above = (uint8_t)(p->low + 1) * 0x01010101u;
    const uint32_t below = (uint8_t)(p->high - 1) * 0x01010101u;
    uint32_t i = 0u;
    for (; i + 4u <= p->size; i += 4u) {
        uint32_t value = dsp_load4(y + i), gradient = dsp_load4(dy + i), scratch;
        __asm("ssub8 %1, %2, %3\n\t" /* the flags say which bytes are at least `above` */
              "sel %0, %0, %5\n\t"
              "ssub8 %1, %4, %2\n\t"
              "sel %0, %0, %5"
              : "+&r"(gradient), "=&r"(scratch)
              : "r"(value), "r"(above), "r"(below), "r"(0)
              : "cc");
        memcpy(dx + i, &gradient, sizeof gradient);
    }
    return i;
}
#endif

void myna_clamp_grad_s8(const struct clamp_grad *p, const int8_t *dy, const int8_t *y, int8_t *dx) {
    uint32_t i = 0u;
#if MYNA_MVE
    i = myna_clamp_grad_vectors(p, dy, y, dx);
#elif MYNA_DSP
    i = clamp_grad_fours(p, dy, y, dx);
#endif
    for (; i < p->size; i++)
        dx[i] = y[i] > p->low && y[i] < p->high ? dy[i] : 0;
}

void myna_clamp_grad_s16(const struct clamp_grad *p, const int8_t *dy, const int16_t *y,
                         int8_t *dx) {
    for (uint32_t i = 0; i < p->size; i++)
        dx[i] = y[i] > p->low && y[i] < p->high ? dy[i] : 0;
}

/* 256 x at the scale of the sum, saturated: eight bits guard the rounding */
static inline int32_t guarded(int32_t x, struct fx_multiplier by) {
    return fx_scale32(x * 256, by);
}

/* `guarded`, where lifting x makes the shift exceed 32, so that nothing can overflow */
struct lifted {
    int32_t left;
    struct fx_multiplier by;
};

static struct lifted lift(struct fx_multiplier by) {
    if (by.mantissa == 0) /* whatever the shift */
        return (struct lifted){8, {0, 33}};
    int32_t left = fx_clamp32(33 - by.shift, 0, 14);
    return (struct lifted){left + 8, {by.mantissa, by.shift + left}};
}

static inline int32_t lifted_guarded(int32_t x, struct lifted l) {
    return fx_scale_down((int32_t)((uint32_t)x << l.left), l.by);
}

void myna_grad_add_s8(const struct grad_add *p, const int8_t *a, const int8_t *b,
                      const int32_t *scale_a, const int32_t *scale_b, const int32_t *out,
                      int8_t *sum, int32_t *peak) {
    struct fx_multiplier by_a = ratio(p->factor_a, scale_a, out);
    struct fx_multiplier by_b = ratio(p->factor_b, scale_b, out);
    const struct lifted up_a = lift(by_a), up_b = lift(by_b);
    const uint32_t size = p->size;
    struct gradient_range range = {0, 0};
    uint32_t i = 0u;
#if MYNA_MVE
    if (up_a.by.shift > 32 && up_b.by.shift > 32)
        i = myna_grad_add_vectors(size, a, up_a.left, up_a.by, b, up_b.left, up_b.by, sum,
                                  &range.peak);
#endif
    if (up_a.by.shift > 32 && up_b.by.shift > 32)
        for (; i < size; i++) {
            int32_t total = lifted_guarded(a[i], up_a) + lifted_guarded(b[i], up_b);
            sum[i] = (int8_t)gradient_narrow((total + 128) >> 8, &range);
        }
    else
        for (; i < size; i++) {
            int64_t total = (int64_t)guarded(a[i], by_a) + guarded(b[i], by_b);
            int64_t top = INT32_MAX - 128;
            total = total > top ? top : total < INT32_MIN ? INT32_MIN : total;
            sum[i] = (int8_t)gradient_narrow(((int32_t)total + 128) >> 8, &range);
        }
    *peak = range.peak;
}
