/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/similarity.h"

#include "kernels/fixed.h"
#include "kernels/imprint.h"

#include <stdbool.h>
#include <string.h>

#define ONE_Q15 ((int64_t)1 << 15)

/* from the center to an element of the embedding, less than 2^17 */
static inline int32_t away(const struct similarity *p, int8_t element, int16_t center) {
    return (element - p->zero) * (1 << CENTER_BITS) - center;
}

static uint64_t length_square(const struct similarity *p, const int8_t *embedding,
                              const int16_t *center) {
    uint64_t square = 0u;
    for (uint32_t i = 0; i < p->inputs; i++) {
        int64_t element = away(p, embedding[i], center[i]);
        square += (uint64_t)(element * element);
    }
    return square;
}

/* nobody has begun most classes: their rows are zeros */
static bool is_begun(const struct similarity *p, const int8_t *row) {
    uint32_t found = 0u, word, i = 0;
    for (; i + sizeof word <= p->inputs && found == 0u; i += sizeof word) {
        memcpy(&word, row + i, sizeof word);
        found = word;
    }
    for (; i < p->inputs && found == 0u; i++)
        found = row[i] != 0;
    return found != 0u;
}

static int32_t cosine(const struct similarity *p, const int8_t *embedding, const int16_t *center,
                      const int8_t *row, uint64_t away_square) {
    int64_t product = 0;
    uint32_t row_square = 0u; /* at most 2^14 for each of 2^16 inputs */
#pragma GCC unroll 4
    for (uint32_t i = 0; i < p->inputs; i++) {
        product += (int64_t)away(p, embedding[i], center[i]) * row[i];
        row_square += (uint32_t)(row[i] * row[i]);
    }
    uint32_t length = myna_fx_isqrt(away_square * row_square);
    return myna_fx_divide(product * ONE_Q15, length != 0u ? length : 1u);
}

void myna_similarity_s8(const struct similarity *p, const int8_t *embedding, const int16_t *center,
                        const int8_t *w, int32_t *result) {
    const uint64_t square = length_square(p, embedding, center);
    for (uint32_t i = 0; i < p->units; i++, w += p->inputs)
        result[i] = is_begun(p, w) ? cosine(p, embedding, center, w, square) : 0;
}
