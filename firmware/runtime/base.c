/* SPDX-License-Identifier: Apache-2.0 */
/* Twin of toolchain/myna/learn/base.py */
#include "runtime/base.h"

#include "runtime/model.h"
#include "runtime/vector.h"

uint8_t myna_base[MYNA_BASE_ROOM];
bool myna_base_is_set;

static void retreat(const struct myna_part *part, uint32_t index, int64_t kept) {
    int64_t known = myna_vector_get(part, myna_base, index);
    int64_t apart = myna_vector_get(part, myna_model.state, index) - known;
    myna_vector_put(part, myna_model.state, index, known + apart * kept / 256);
}

void myna_base_retreat(uint32_t share) {
    for (uint32_t i = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        for (uint32_t j = 0u; part->form != MYNA_SETTING && j < part->count; j++) {
            retreat(part, j, 256 - (int64_t)share);
        }
    }
}
