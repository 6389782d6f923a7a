/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/recognize.h"

#include "config.h" /* of the generated model */
#include "kernels/fixed.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SAFE 16 /* int8 steps by which a memory leads the classes that are begun */

const uint32_t myna_recognize_asked = MYNA_ASKED_MEMORIES;

enum status myna_recognize_check(uint32_t slot, struct clip **clip) {
    *clip = myna_clips_at(slot);
    if (*clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if ((*clip)->filled != MYNA_FEATURE_BYTES) {
        return STATUS_DATA_MISSING;
    }
    return myna_state_info.is_incomplete ? STATUS_STATE_INCOMPLETE : STATUS_OK;
}

void myna_recognize(const int8_t *features) {
    memcpy(myna_model.features, features, MYNA_FEATURE_BYTES);
    myna_model.infer(NULL);
}

void myna_recognize_clip(uint32_t slot) {
    myna_latents_feed(slot);
    myna_model.recall();
}

void myna_recognize_feed_memory(uint32_t memory) {
    memcpy(myna_model.latent, &myna_model.replay_latents[memory * myna_model.latent_bytes],
           myna_model.latent_bytes);
}

/* The largest logit of classes from `first` up to before `end`; less than any if there is none. */
static int32_t largest(uint32_t first, uint32_t end) {
    int32_t most = INT8_MIN - 1;
    for (uint32_t i = first; i < end; i++) {
        most = fx_max32(most, myna_model.logits[i]);
    }
    return most;
}

uint16_t myna_recognize_winner(uint16_t *margin) {
    const int8_t *logits = myna_model.logits;
    uint16_t best = 0u;
    int32_t second = INT8_MIN;
    for (uint16_t i = 1u; i < *myna_model.classes; i++) {
        if (logits[i] > logits[best]) {
            second = logits[best];
            best = i;
        } else if (logits[i] > second) {
            second = logits[i];
        }
    }
    if (margin != NULL) {
        *margin = (uint16_t)(logits[best] - second);
    }
    return best;
}

bool myna_recognize_is_word(uint16_t label) {
    return label != myna_model.silence && label != myna_model.unknown;
}

uint16_t myna_recognize_class(uint32_t slot) {
    myna_recognize_clip(slot);
    return myna_recognize_winner(NULL);
}

/* The class that the model takes a memory for. */
static uint16_t recall(uint32_t memory) {
    myna_recognize_feed_memory(memory);
    myna_model.recall();
    myna_progress((uint32_t)*myna_model.step);
    return myna_recognize_winner(NULL);
}

uint16_t myna_recognize_known(void) {
    uint16_t known = 0u;
    for (uint32_t i = 0u; i < myna_recognize_asked; i++) {
        known = (uint16_t)(known + (recall(i) == myna_model.replay_labels[i]));
    }
    return known;
}

struct recall_count myna_recognize_begun(uint32_t first) {
    uint32_t classes = (uint32_t)*myna_model.classes;
    struct recall_count count = {0};
    for (uint32_t i = 0u; i < myna_recognize_asked; i++) {
        uint32_t label = (uint32_t)myna_model.replay_labels[i];
        bool known = recall(i) == label;
        int32_t own = myna_model.logits[label];
        bool before = largest(0u, label) < own && largest(label + 1u, first) <= own;
        bool close = first < classes && largest(first, classes) + SAFE >= own;
        count.known = (uint16_t)(count.known + known);
        count.before = (uint16_t)(count.before + before);
        count.endangered = (uint16_t)(count.endangered + (before && close));
    }
    return count;
}
