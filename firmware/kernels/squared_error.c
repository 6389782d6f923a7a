/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/squared_error.h"

#include "kernels/pairs.h"

#define MEAN_SHIFT 19

static const struct fx_pair inv127 = {INV127_MANTISSA, INV127_EXPONENT};

static inline int32_t error(const struct squared_error *p, int32_t y, int32_t x) {
    return p->y_step * (y - p->y_zero) - p->x_step * (x - p->x_zero);
}

void myna_squared_error_s8(const struct squared_error *p, const int8_t *y, const int8_t *x,
                           int8_t *dy, int32_t *scale, int32_t *loss) {
    uint64_t squares = 0;
    int32_t top = 0;
    for (uint32_t i = 0; i < p->size; i++) {
        int32_t e = error(p, y[i], x[i]);
        squares += (uint64_t)((int64_t)e * e);
        top = fx_max32(top, fx_abs32(e));
    }
    *loss = fx_scale32((int32_t)((squares / p->size) >> MEAN_SHIFT), p->to_loss);
    struct fx_multiplier to_127 = {0, 1};
    struct fx_pair peak = myna_fx_pair_from_int(top);
    if (top > 0)
        to_127 = myna_fx_pair_multiplier(myna_fx_pair_div(myna_fx_pair_from_int(127), peak));
    for (uint32_t i = 0; i < p->size; i++)
        dy[i] = (int8_t)fx_scale32(error(p, y[i], x[i]), to_127);
    store_pair(scale, myna_fx_pair_mul(myna_fx_pair_mul(peak, inv127), p->factor));
}
