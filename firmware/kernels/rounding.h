/* SPDX-License-Identifier: Apache-2.0 */
/* Weights without a residual of their own; specification: toolchain/myna/ops/rounding.py */
#ifndef MYNA_ROUNDING_H
#define MYNA_ROUNDING_H

#include <stdint.h>

struct round_weight {
    uint32_t size, tag;
};

/* of the plane of residuals, the first n are those of w */
/* seed step -> w[n] residual[m] */
void myna_round_weight_s8(const struct round_weight *p, const int32_t *seed, const int32_t *step,
                          int8_t *w, int8_t *residual);

#endif
