/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of kernels/fixed.h over arrays, for a test to call. */
#include "kernels/fixed.h"

/* a[n,2] b[n,2] -> out[n,7]: product, quotient, whether a < b, multiplier of a */
void sweep_pairs(const int32_t *a, const int32_t *b, uint32_t n, int32_t *out) {
    for (uint32_t i = 0u; i < n; i++) {
        struct fx_pair x = {a[2u * i], a[2u * i + 1u]}, y = {b[2u * i], b[2u * i + 1u]};
        struct fx_pair product = myna_fx_pair_mul(x, y), quotient = myna_fx_pair_div(x, y);
        struct fx_multiplier by = myna_fx_pair_multiplier(x);
        int32_t *to = &out[7u * i];
        to[0] = product.mantissa;
        to[1] = product.exponent;
        to[2] = quotient.mantissa;
        to[3] = quotient.exponent;
        to[4] = myna_fx_pair_less(x, y);
        to[5] = by.mantissa;
        to[6] = by.shift;
    }
}

/* x[n] mantissa[n] shift[n] -> scaled[n] requantized[n] */
void sweep_scales(const int32_t *x, const int32_t *mantissa, const int32_t *shift, uint32_t n,
                  int32_t *scaled, int32_t *requantized) {
    for (uint32_t i = 0u; i < n; i++) {
        scaled[i] = fx_scale32(x[i], (struct fx_multiplier){mantissa[i], shift[i]});
        requantized[i] = fx_requantize_down(x[i] >> 2, mantissa[i], shift[i] >> 1);
    }
}

/* x[n] by[n] -> quotient[n], log2[n] of |x| + 1, from_int[n,2] of |x| */
void sweep_integers(const int64_t *x, const uint32_t *by, uint32_t n, int32_t *quotient,
                    int32_t *log2, int32_t *from_int) {
    for (uint32_t i = 0u; i < n; i++) {
        int64_t size = x[i] < 0 ? -x[i] : x[i];
        struct fx_pair pair = myna_fx_pair_from_int((int32_t)(size & 0x7FFFFFFF));
        quotient[i] = myna_fx_divide(x[i], by[i]);
        log2[i] = myna_fx_log2_q16((uint64_t)size + 1u);
        from_int[2u * i] = pair.mantissa;
        from_int[2u * i + 1u] = pair.exponent;
    }
}
