/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about what was heard lately, and what the user says that it was. */
#include "runtime/accept.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/heard.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "server/handlers.h"

#include <stddef.h>
#include <string.h>

#define NO_SLOT 0xFFFFu

enum status myna_handle_hear(const struct request *request, struct reply *reply) {
    struct clip *clip;
    struct message_hear_reply found = {0};
    enum status status = myna_recognize_check(request->fixed.hear.slot, &clip);
    if (status != STATUS_OK) {
        return status;
    }
    myna_arena_take(ARENA_MODEL);
    myna_recognize(clip->features);
    found.label = myna_recognize_winner(NULL);
    found.confidence = myna_accept_confidence(found.label);
    found.accepted = myna_accept_reaches(found.confidence);
    if (myna_accept_nearly(found.confidence)) {
        found.number =
            myna_heard_note(clip->features, found.label, found.confidence, found.accepted != 0u);
    }
    myna_reply_put(reply, &found, sizeof found);
    return STATUS_OK;
}

/* The slot of a clip that has the same features: so far it was learned from. */
static uint16_t slot_of(const struct heard *heard) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        if (clip != NULL && memcmp(clip->features, heard->features, sizeof clip->features) == 0) {
            return (uint16_t)slot;
        }
    }
    return NO_SLOT;
}

enum status myna_handle_heard(const struct request *request, struct reply *reply) {
    const struct heard *heard = myna_heard_newest(request->fixed.heard.before);
    struct message_heard_reply found = {.room = MYNA_HEARD, .slot = NO_SLOT};
    if (heard != NULL) {
        found.number = heard->number;
        found.confidence = heard->confidence;
        found.label = heard->label;
        found.accepted = heard->accepted;
        found.slot = slot_of(heard);
    }
    myna_reply_put(reply, &found, sizeof found);
    return STATUS_OK;
}

enum status myna_handle_heard_take(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_heard_take *take = &request->fixed.heard_take;
    const struct heard *heard = myna_heard_find(take->number);
    struct clip *clip = myna_clips_at(take->slot);
    if (heard == NULL) {
        return STATUS_NOT_HEARD;
    }
    if (clip == NULL || clip->stored) {
        return STATUS_BAD_SLOT;
    }
    if (take->label >= *myna_model.classes) {
        return STATUS_BAD_LABEL;
    }
    myna_arena_end_sound(); /* perhaps it comes for this slot */
    memcpy(clip->features, heard->features, sizeof clip->features);
    clip->filled = MYNA_FEATURE_BYTES;
    clip->latents = 0u;
    myna_clips_store(clip, take->label, false);
    return STATUS_OK;
}
