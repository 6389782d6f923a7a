/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/clips.h"

#include "runtime/model.h"

#include <stddef.h>
#include <string.h>

_Static_assert(MYNA_FEATURE_BYTES <= UINT16_MAX && MYNA_MAX_CLIPS <= UINT16_MAX,
               "both are counted in 16 bits");

static struct clip clips[MYNA_MAX_CLIPS];
const uint32_t myna_clips_bytes = sizeof clips;

void myna_clips_forget_variations(void) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        clips[slot].latents &= 1u; /* of itself */
    }
}

/* A noise comes or goes: noises are mixed into every variation. */
static void note_noise(const struct clip *clip) {
    if (clip->stored && clip->label == myna_model.silence) {
        myna_clips_forget_variations();
    }
}

void myna_clips_store(struct clip *clip, uint16_t label, bool guessed) {
    note_noise(clip);
    clip->label = label;
    clip->guessed = guessed;
    clip->stored = true;
    note_noise(clip);
}

void myna_clips_drop(struct clip *clip) {
    note_noise(clip);
    clip->stored = false;
}

static void forget(struct clip *clip) {
    myna_clips_drop(clip);
    memset(clip, 0, sizeof *clip);
}

void myna_clips_clear(uint32_t lowest) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (lowest == 0u || (clips[slot].stored && clips[slot].label >= lowest)) {
            forget(&clips[slot]);
        }
    }
}

void myna_clips_remove(uint32_t label, uint32_t last) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        struct clip *clip = &clips[slot];
        if (clip->stored && clip->label == label) {
            forget(clip);
        } else if (clip->stored && clip->label == last) {
            myna_clips_store(clip, (uint16_t)label, clip->guessed);
        }
    }
}

uint32_t myna_clips_extent(void) {
    uint32_t count = MYNA_MAX_CLIPS;
    while (count > 0u && !clips[count - 1u].stored) {
        count--;
    }
    return count * (uint32_t)sizeof *clips;
}

uint8_t *myna_clips_memory(void) {
    return (uint8_t *)clips;
}

bool myna_clips_restore(uint32_t bytes) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        struct clip *clip = &clips[slot];
        clip->latents = 0u;
        if ((slot + 1u) * sizeof *clip > bytes || !clip->stored) {
            forget(clip);
        } else if (clip->filled != MYNA_FEATURE_BYTES || clip->label >= MYNA_MAX_CLASSES) {
            return false;
        }
    }
    return true;
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
