/* SPDX-License-Identifier: Apache-2.0 */
/* The row of a new class from embeddings; specification: toolchain/myna/ops/imprint.py */
#ifndef MYNA_IMPRINT_H
#define MYNA_IMPRINT_H

#include <stdint.h>

#define CENTER_BITS 4 /* fraction bits of the centre of embeddings */

struct imprint {
    uint16_t inputs;
    int32_t norm, own;
};

/* total[inputs] shots halvings label center[inputs] -> w[units,inputs] residual[units,inputs]
 * bias[units] */
void myna_imprint_s8(const struct imprint *p, const int32_t *total, const int32_t *shots,
                     const int32_t *halvings, const int32_t *label, const int16_t *center,
                     int8_t *w, int8_t *residual, int32_t *bias);

#endif
