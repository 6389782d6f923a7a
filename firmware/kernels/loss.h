/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax cross-entropy and its gradient; specification: toolchain/myna/ops/loss.py */
#ifndef MYNA_LOSS_H
#define MYNA_LOSS_H

#include "kernels/fixed.h"

struct softmax_cross_entropy {
    uint16_t size; /* at most MAX_CLASSES */
};

/* logits[n] label table[256] classes -> dlogits[n] scale[2] loss */
void myna_softmax_cross_entropy_s8(const struct softmax_cross_entropy *p, const int8_t *logits,
                                   const int32_t *label, const int32_t *table,
                                   const int32_t *classes, int8_t *dlogits, int32_t *scale,
                                   int32_t *loss);

#endif
