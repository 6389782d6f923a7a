/* SPDX-License-Identifier: Apache-2.0 */
/* What boards have learned, as integers; twin of toolchain/myna/learn/vector.py */
#ifndef MYNA_VECTOR_H
#define MYNA_VECTOR_H

#include "runtime/model.h"

#include <stdint.h>

/* Element `index` of a part of a state block; the part is no setting. */
int32_t myna_vector_get(const struct myna_part *part, const uint8_t *block, uint32_t index);

/* Replaces it; the value is clamped. */
void myna_vector_put(const struct myna_part *part, uint8_t *block, uint32_t index, int64_t value);

#endif
