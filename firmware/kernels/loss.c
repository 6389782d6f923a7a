/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/loss.h"

#include <string.h>

#include "kernels/pairs.h"

#define MAX_CLASSES 64
#define ONE_Q30 (1 << 30)
#define LN2_Q16 45426

static const struct fx_pair inv127 = {INV127_MANTISSA, INV127_EXPONENT};

/* gradients p - onehot in Q30, and the loss in nats, Q16 */
static int32_t probabilities(const int8_t *logits, uint32_t classes, uint32_t label,
                             const int32_t *table, int32_t *gradient) {
    int32_t top = INT8_MIN;
    for (uint32_t i = 0; i < classes; i++)
        top = fx_max32(top, logits[i]);
    uint32_t total = 0;
    for (uint32_t i = 0; i < classes; i++)
        total += (uint32_t)table[top - logits[i]];
    for (uint32_t i = 0; i < classes; i++) {
        uint64_t wide = (uint64_t)(uint32_t)table[top - logits[i]] << 30;
        gradient[i] = (int32_t)(wide / total);
    }
    gradient[label] -= ONE_Q30;
    uint32_t own = (uint32_t)fx_max32(table[top - logits[label]], 1);
    int64_t bits = (int64_t)myna_fx_log2_q16(total) - myna_fx_log2_q16(own);
    return (int32_t)((bits * LN2_Q16) >> 16);
}

void myna_softmax_cross_entropy_s8(const struct softmax_cross_entropy *p, const int8_t *logits,
                                   const int32_t *label, const int32_t *table,
                                   const int32_t *classes, int8_t *dlogits, int32_t *scale,
                                   int32_t *loss) {
    int32_t gradient[MAX_CLASSES];
    uint32_t active = (uint32_t)*classes;
    *loss = probabilities(logits, active, (uint32_t)*label, table, gradient);
    memset(dlogits, 0, p->size);
    int32_t top = 0;
    for (uint32_t i = 0; i < active; i++)
        top = fx_max32(top, fx_abs32(gradient[i]));
    if (top == 0) {
        store_pair(scale, (struct fx_pair){0, 0});
        return;
    }
    for (uint32_t i = 0; i < active; i++) {
        uint64_t wide = (uint64_t)(uint32_t)fx_abs32(gradient[i]) * 254u + (uint32_t)top;
        int32_t magnitude = (int32_t)(wide / (2u * (uint32_t)top));
        dlogits[i] = (int8_t)(gradient[i] < 0 ? -magnitude : magnitude);
    }
    struct fx_pair peak = myna_fx_pair_mul(myna_fx_pair_from_int(top), inv127);
    peak.exponent -= 30;
    store_pair(scale, peak);
}
