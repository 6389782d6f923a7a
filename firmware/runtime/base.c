/* SPDX-License-Identifier: Apache-2.0 */
/* Twin of toolchain/myna/learn/base.py */
#include "runtime/base.h"

#include "runtime/model.h"
#include "runtime/vector.h"

#include <string.h>

uint8_t myna_base[MYNA_BASE_ROOM];
uint8_t myna_unsent[MYNA_UNSENT_ROOM];
bool myna_base_is_set;

bool myna_base_set(void) {
    if (MYNA_STATE_COPIES < 2) {
        return false;
    }
    memcpy(myna_base, myna_model.state, sizeof myna_base);
    memcpy(myna_unsent, myna_model.state, sizeof myna_unsent);
    myna_base_is_set = true;
    return true;
}

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

static void owe(const struct myna_part *part, uint32_t index, bool is_private) {
    int64_t own = myna_vector_get(part, myna_model.state, index);
    int64_t known = myna_vector_get(part, myna_base, index);
    int64_t unsent = myna_vector_get(part, myna_unsent, index);
    myna_vector_put(part, myna_unsent, index, is_private ? unsent : unsent + own - known);
    myna_vector_put(part, myna_model.state, index, is_private ? own : known);
}

void myna_base_owe(struct private_tensors private) {
    for (uint32_t i = 0u, tensors = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        if (part->form == MYNA_SETTING) {
            memcpy(myna_model.state + part->offset, myna_base + part->offset, part->count);
            continue;
        }
        bool is_private = myna_is_private(private, tensors++);
        for (uint32_t j = 0u; j < part->count; j++) {
            owe(part, j, is_private);
        }
    }
}

void myna_base_swap(void) {
    for (uint32_t i = 0u; i < sizeof myna_unsent; i++) {
        uint8_t own = myna_model.state[i];
        myna_model.state[i] = myna_unsent[i];
        myna_unsent[i] = own;
    }
}
