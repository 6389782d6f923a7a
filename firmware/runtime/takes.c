/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/takes.h"

#include "kernels/fixed.h"
#include "kernels/imprint.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/handlers.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "runtime/state.h"

#include <stddef.h>
#include <string.h>

#define ALIKE 48 /* smallest agreement of takes of one word: a cosine of 0.38 */

static int32_t embedding(uint32_t i) {
    return myna_model.embedding[i] - myna_model.embedding_zero;
}

static const struct clip *take(uint32_t slot, uint32_t class) {
    const struct clip *clip = myna_clips_stored(slot);
    return clip != NULL && clip->label == class ? clip : NULL;
}

int32_t myna_takes_sum(uint32_t class) {
    int32_t *total = myna_model.embedding_total;
    int32_t takes = 0;
    memset(total, 0, myna_model.embedding_size * sizeof *total);
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = take(slot, class);
        if (clip != NULL) {
            myna_recognize_clip(slot);
            for (uint32_t i = 0u; i < myna_model.embedding_size; i++) {
                total[i] += embedding(i);
            }
            takes++;
        }
    }
    return takes;
}

/* The cosine of the take last embedded with the sum of the others, in 1/127. */
static int8_t agreement(int32_t takes) {
    int64_t product = 0;
    uint64_t own = 0u, rest = 0u;
    for (uint32_t i = 0u; i < myna_model.embedding_size; i++) {
        int32_t center = myna_model.center[i];
        int64_t a = embedding(i) * (1 << CENTER_BITS) - center;
        int64_t b = (int64_t)myna_model.embedding_total[i] * (1 << CENTER_BITS) - takes * center;
        b -= a;
        product += a * b;
        own += (uint64_t)(a * a);
        rest += (uint64_t)(b * b);
    }
    int64_t lengths = (int64_t)myna_fx_isqrt(own) * myna_fx_isqrt(rest);
    int64_t cosine = lengths > 0 ? 127 * product / lengths : 0;
    return (int8_t)(cosine > 127 ? 127 : cosine < -127 ? -127 : cosine);
}

/* Two takes that are one recording say less than two; of two classes, one of them is wrong. */
static void find_same(uint32_t class, struct message_takes_reply *result) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = take(slot, class);
        for (uint32_t at = 0u; clip != NULL && at < MYNA_MAX_CLIPS; at++) {
            const struct clip *other = myna_clips_stored(at);
            if (other != NULL && at != slot &&
                memcmp(clip->features, other->features, sizeof clip->features) == 0) {
                result->same = (uint16_t)slot;
                result->other = (uint16_t)at;
                return;
            }
        }
    }
}

enum status myna_handle_takes(const struct request *request, struct reply *reply) {
    struct message_takes_reply result = {MESSAGE_NO_NODE, 0u, MESSAGE_NO_NODE, MESSAGE_NO_NODE};
    int8_t alike[MYNA_MAX_CLIPS], least = INT8_MAX;
    uint32_t class = request->fixed.takes.label, found = 0u;
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    if (class >= myna_model.max_classes || myna_model.imprint == NULL) {
        return STATUS_BAD_LABEL;
    }
    myna_arena_take(ARENA_MODEL);
    myna_latents_make(class);
    int32_t takes = myna_takes_sum(class);
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS && takes > 1; slot++) {
        const struct clip *clip = take(slot, class);
        if (clip != NULL) {
            myna_recognize_clip(slot);
            alike[found] = agreement(takes);
            if (alike[found] < ALIKE && alike[found] < least) {
                least = alike[found];
                result.odd = (uint16_t)slot;
            }
            found++;
        }
    }
    result.count = (uint16_t)takes;
    find_same(class, &result);
    myna_reply_put(reply, &result, sizeof result);
    myna_reply_put(reply, alike, found);
    return STATUS_OK;
}
