/* SPDX-License-Identifier: Apache-2.0 */
#include "server/owner.h"

#include "kernels/fixed.h"
#include "runtime/accept.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "runtime/state.h"
#include "server/handlers.h"
#include "server/user.h"

#include <stddef.h>
#include <string.h>

#define UNIT_BITS 15  /* fraction bits of the values of a direction */
#define LENGTH_BITS 8 /* and of a length */
#define LARGEST 127   /* value of a template */

static void score(const struct clip *clip) {
    memcpy(myna_model.voice_features, clip->features, sizeof clip->features);
    myna_model.score_voice();
}

static int8_t *template_of(uint32_t label) {
    return &myna_model.owner_templates[label * myna_model.voice_size];
}

/* What one value of the voice scored last adds to a template: all takes count alike. */
static int32_t direction(uint32_t value, uint32_t length) {
    int64_t scaled = (int64_t)myna_model.voice[value] * (1 << (UNIT_BITS + LENGTH_BITS));
    return myna_fx_divide(scaled, length);
}

static uint32_t voice_length(void) {
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < myna_model.voice_size; i++) {
        square += (uint64_t)((int32_t)myna_model.voice[i] * myna_model.voice[i]);
    }
    uint32_t length = myna_fx_isqrt(square << (2 * LENGTH_BITS));
    return length > 0u ? length : 1u;
}

/* The user's takes of a class; what the device labelled itself may be anybody's. */
static const struct clip *take(uint32_t slot, uint32_t label) {
    const struct clip *clip = myna_clips_stored(slot);
    return clip != NULL && clip->label == label && !clip->guessed ? clip : NULL;
}

static uint16_t enroll(uint32_t label) {
    int32_t total[MYNA_VOICE_SIZE] = {0};
    int32_t largest = 1;
    uint16_t takes = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = take(slot, label);
        if (clip != NULL) {
            score(clip);
            uint32_t length = voice_length();
            for (uint32_t i = 0u; i < myna_model.voice_size; i++) {
                total[i] += direction(i, length);
            }
            takes++;
        }
    }
    for (uint32_t i = 0u; i < myna_model.voice_size; i++) {
        largest = fx_max32(largest, total[i] < 0 ? -total[i] : total[i]);
    }
    for (uint32_t i = 0u; i < myna_model.voice_size && takes > 0u; i++) {
        int32_t value = myna_fx_divide((int64_t)total[i] * LARGEST, (uint32_t)largest);
        template_of(label)[i] = (int8_t)value;
    }
    return takes;
}

enum status myna_handle_enroll_owner(const struct request *request, struct reply *reply) {
    uint32_t label = request->fixed.enroll_owner.label;
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    if (myna_model.score_voice == NULL || label >= (uint32_t)*myna_model.classes) {
        return STATUS_BAD_LABEL;
    }
    myna_arena_take(ARENA_MODEL);
    struct message_enroll_owner_reply result = {.takes = enroll(label)};
    if (result.takes == 0u) {
        return STATUS_BAD_SLOT;
    }
    myna_reply_put(reply, &result, sizeof result);
    return STATUS_OK;
}

static bool has_owner(uint32_t label) {
    uint32_t found = 0u;
    for (uint32_t i = 0u; i < myna_model.voice_size; i++) {
        found += template_of(label)[i] != 0;
    }
    return found > 0u;
}

static enum owner_verdict judge_user(const struct clip *clip, int32_t *score) {
    if (!myna_user_is_enrolled()) {
        return OWNER_NONE;
    }
    *score = myna_user_score(clip);
    return *score >= myna_model.secret->threshold ? OWNER_ACCEPTED : OWNER_OTHER_VOICE;
}

static enum owner_verdict judge(const struct clip *clip, struct message_verify_reply *result) {
    myna_recognize(clip->features);
    result->label = myna_recognize_winner(NULL);
    if (!myna_accept_reaches(myna_accept_confidence(result->label))) {
        return OWNER_NO_WORD;
    }
    if (myna_model.score_voice == NULL || !has_owner(result->label)) {
        return OWNER_NONE;
    }
    score(clip);
    result->score = myna_model.owner_score[result->label];
    return result->score >= *myna_model.owner_threshold ? OWNER_ACCEPTED : OWNER_OTHER_VOICE;
}

enum status myna_handle_verify(const struct request *request, struct reply *reply) {
    const struct clip *clip = myna_clips_at(request->fixed.verify.slot);
    struct message_verify_reply result = {0};
    if (clip == NULL || clip->filled != MYNA_FEATURE_BYTES) {
        return STATUS_BAD_SLOT;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    myna_arena_take(ARENA_MODEL);
    result.verdict = (uint16_t)(myna_model.codeword != NULL ? judge_user(clip, &result.score)
                                                            : judge(clip, &result));
    myna_reply_put(reply, &result, sizeof result);
    return STATUS_OK;
}
