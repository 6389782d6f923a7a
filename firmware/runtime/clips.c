/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/clips.h"

#include <stddef.h>
#include <string.h>

_Static_assert(MYNA_FEATURE_BYTES <= UINT16_MAX && MYNA_MAX_CLIPS <= UINT16_MAX,
               "both are counted in 16 bits");

static struct clip clips[MYNA_MAX_CLIPS];
const uint32_t myna_clips_bytes = sizeof clips;

void myna_clips_clear(uint32_t lowest) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (lowest == 0u || (clips[slot].stored && clips[slot].label >= lowest)) {
            memset(&clips[slot], 0, sizeof clips[slot]);
        }
    }
}

void myna_clips_remove(uint32_t label, uint32_t last) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (clips[slot].stored && clips[slot].label == label) {
            memset(&clips[slot], 0, sizeof clips[slot]);
        } else if (clips[slot].stored && clips[slot].label == last) {
            clips[slot].label = (uint16_t)label;
        }
    }
}

struct clip *myna_clips_at(uint32_t slot) {
    return slot < MYNA_MAX_CLIPS ? &clips[slot] : NULL;
}

const struct clip *myna_clips_stored(uint32_t slot) {
    return slot < MYNA_MAX_CLIPS && clips[slot].stored ? &clips[slot] : NULL;
}

uint32_t myna_clips_list(uint16_t slots[MYNA_MAX_CLIPS]) {
    uint32_t count = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (clips[slot].stored) {
            slots[count++] = (uint16_t)slot;
        }
    }
    return count;
}
