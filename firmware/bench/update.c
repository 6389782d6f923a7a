/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update of 0.85 bits for each weight, encoded, and a difference of 3.75, applied, each between
 * two marks. The state is as far from the base as learning brings it: of most weights little, of
 * few much.
 */
#include "bench/mark.h"
#include "boards/port.h"
#include "kernels/fixed.h"
#include "runtime/base.h"
#include "runtime/codec.h"
#include "runtime/model.h"
#include "runtime/vector.h"

#include <stddef.h>
#include <string.h>

#define LEAST 64u /* bytes */

static const struct private_tensors none = {NULL, 0u};

/* As toolchain/myna/learn/codec.py has it: of few weights more; but no more than there is room. */
static uint32_t budget(uint32_t bytes) {
    return fx_minu32(bytes > LEAST ? bytes : LEAST, myna_model.arena_bytes);
}

/* Moves every weight, and returns how many there are. */
static uint32_t move(uint8_t *state) {
    uint32_t weights = 0u;
    for (uint32_t i = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        for (uint32_t j = 0u; part->form == MYNA_MASTER && j < part->count; j++) {
            int32_t noise = (int16_t)(uint16_t)fx_random32(i, j);
            int32_t size = (int32_t)(fx_random32(i + 1000u, j) >> 28); /* 0 … 15 bits fewer */
            myna_vector_put(part, state, j, myna_vector_get(part, state, j) + (noise >> size));
            weights++;
        }
    }
    return weights;
}

int main(void) {
    myna_port_init();
    uint8_t *blocks[] = {myna_base, myna_model.state, myna_unsent};
    memcpy(myna_model.state, myna_model.state_init, sizeof myna_base);
    bool has_base = myna_base_set();
    uint32_t weights = move(myna_model.state);
    mark();
    myna_base_owe(none);
    uint32_t sent = myna_codec_encode(myna_model.arena, budget(weights * 17u / 160u), none,
                                      myna_base, myna_unsent);
    mark();
    memcpy(myna_unsent, myna_base, sizeof myna_unsent);
    (void)move(myna_unsent);
    uint32_t told = myna_codec_encode(myna_model.arena, budget(weights * 15u / 32u), none,
                                      myna_base, myna_unsent);
    mark();
    if (!has_base || sent == 0u || myna_codec_apply(myna_model.arena, told, blocks, 3u) != CODEC_OK)
        myna_port_fail("bench: the codec refuses");
    mark();
    myna_port_fail(BENCH_DONE);
}
