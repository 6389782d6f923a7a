/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/imprint.h"

#include <string.h>

#include "kernels/fixed.h"
#include "kernels/sgd.h"

/* the sum of embeddings without the centre's part, in Q4 */
static int32_t away(int32_t total, int32_t shots, int32_t center) {
    return total * (1 << CENTER_BITS) - shots * center;
}

void myna_imprint_s8(const struct imprint *p, const int32_t *total, const int32_t *shots,
                     const int32_t *halvings, const int32_t *label, const int16_t *center,
                     int8_t *w, int8_t *residual, int32_t *bias) {
    int32_t norm = myna_fx_divide(p->norm, 1u << *halvings);
    int32_t own = myna_fx_divide(p->own, 1u << *halvings);
    uint64_t square = 0u;
    for (uint32_t i = 0; i < p->inputs; i++) {
        int64_t d = away(total[i], *shots, center[i]);
        square += (uint64_t)(d * d);
    }
    uint32_t length = myna_fx_isqrt(square);
    int64_t product = 0;
    w += *label * p->inputs;
    for (uint32_t i = 0; i < p->inputs; i++) {
        int64_t d = away(total[i], *shots, center[i]);
        w[i] = fx_sat8(myna_fx_divide(d * norm, length != 0u ? length : 1u));
        product += (int64_t)w[i] * total[i];
    }
    memset(residual + *label * p->inputs, 0, p->inputs);
    bias[*label] = fx_clamp32(own - myna_fx_divide(product, (uint32_t)*shots), -BIAS_MAX, BIAS_MAX);
}
