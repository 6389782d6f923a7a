/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/similarity.h"

#include "kernels/fixed.h"
#include "kernels/imprint.h"

#define ONE_Q15 ((int64_t)1 << 15)

static int32_t cosine(const struct similarity *p, const int8_t *embedding, const int16_t *center,
                      const int8_t *row) {
    int64_t product = 0;
    uint64_t away_square = 0u, row_square = 0u;
    for (uint32_t i = 0; i < p->inputs; i++) {
        int64_t away = (embedding[i] - p->zero) * (1 << CENTER_BITS) - center[i];
        product += away * row[i];
        away_square += (uint64_t)(away * away);
        row_square += (uint64_t)((int64_t)row[i] * row[i]);
    }
    uint32_t length = myna_fx_isqrt(away_square * row_square);
    return myna_fx_divide(product * ONE_Q15, length != 0u ? length : 1u);
}

void myna_similarity_s8(const struct similarity *p, const int8_t *embedding, const int16_t *center,
                        const int8_t *w, int32_t *result) {
    for (uint32_t i = 0; i < p->units; i++)
        result[i] = cosine(p, embedding, center, w + i * p->inputs);
}
