/* SPDX-License-Identifier: Apache-2.0 */
/* How much an embedding resembles each class; specification: toolchain/myna/ops/similarity.py */
#ifndef MYNA_SIMILARITY_H
#define MYNA_SIMILARITY_H

#include <stdint.h>

struct similarity {
    uint16_t inputs, units;
    int16_t zero;
};

/* embedding[inputs] center[inputs] w[units,inputs] -> result[units] */
void myna_similarity_s8(const struct similarity *p, const int8_t *embedding, const int16_t *center,
                        const int8_t *w, int32_t *result);

#endif
