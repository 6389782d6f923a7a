/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/ranges.h"

#include "kernels/pairs.h"

#define PEAK_LIMIT (1 << 16)
#define RANGE_FLOOR (-40)

static const struct fx_pair inv127 = {INV127_MANTISSA, INV127_EXPONENT};

void myna_probe_scale(const struct probe_scale *p, const int32_t *a, const int32_t *b,
                      int32_t *scale) {
    struct fx_pair scaled_a = myna_fx_pair_mul(p->factor_a, load_pair(a));
    struct fx_pair scaled_b = myna_fx_pair_mul(p->factor_b, load_pair(b));
    store_pair(scale, myna_fx_pair_less(scaled_a, scaled_b) ? scaled_b : scaled_a);
}

void myna_dynamic_scale(const int32_t *probe, const int32_t *peak, int32_t *scale) {
    struct fx_pair measured = myna_fx_pair_mul(load_pair(probe), myna_fx_pair_from_int(*peak));
    store_pair(scale, myna_fx_pair_mul(measured, inv127));
}

void myna_hindsight_scale(const int32_t *range, const int32_t *base, int32_t *scale) {
    store_pair(scale, myna_fx_pair_mul(load_pair(range), load_pair(base)));
}

void myna_range_update(const struct range_update *p, const int32_t *base, const int32_t *peak,
                       int32_t *range) {
    if (base[0] == 0)
        return;
    int32_t growth = p->keep + p->gain * fx_min32(*peak, PEAK_LIMIT);
    struct fx_pair next = myna_fx_pair_mul(load_pair(range), myna_fx_pair_from_int(growth));
    next.exponent = fx_max32(next.exponent - 16, RANGE_FLOOR);
    store_pair(range, next);
}
