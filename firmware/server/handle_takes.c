/* SPDX-License-Identifier: Apache-2.0 */
/* What takes of one word say about each other. */
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "runtime/state.h"
#include "runtime/takes.h"
#include "server/handlers.h"

#include <stddef.h>
#include <string.h>

#define ALIKE 48 /* smallest agreement of takes of one word: a cosine of 0.38 */

/* Two takes that are one recording say less than two; of two classes, one of them is wrong. */
static void find_same(uint32_t class, struct message_takes_reply *result) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_takes_at(slot, class);
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
        const struct clip *clip = myna_takes_at(slot, class);
        if (clip != NULL) {
            myna_recognize_clip(slot);
            alike[found] = myna_takes_agreement(takes);
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
