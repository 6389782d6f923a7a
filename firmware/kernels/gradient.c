/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gradient.h"

#include "kernels/pairs.h"

void clamp_grad_s8(const struct clamp_grad *p, const int8_t *dy, const int8_t *y, int8_t *dx) {
    for (uint32_t i = 0; i < p->size; i++)
        dx[i] = y[i] > p->low && y[i] < p->high ? dy[i] : 0;
}

void grad_add_s8(const struct grad_add *p, const int8_t *a, const int8_t *b, const int32_t *scale_a,
                 const int32_t *scale_b, const int32_t *out, int8_t *sum, int32_t *peak) {
    struct fx_multiplier by_a = ratio(p->factor_a, scale_a, out);
    struct fx_multiplier by_b = ratio(p->factor_b, scale_b, out);
    int32_t top = 0;
    for (uint32_t i = 0; i < p->size; i++) {
        int64_t total = (int64_t)fx_scale32(a[i] * 256, by_a) + fx_scale32(b[i] * 256, by_b);
        if (total > INT32_MAX - 128)
            total = INT32_MAX - 128;
        if (total < INT32_MIN)
            total = INT32_MIN;
        int32_t value = ((int32_t)total + 128) >> 8;
        top = fx_max32(top, fx_abs32(value));
        sum[i] = fx_sat8(value);
    }
    *peak = top;
}
