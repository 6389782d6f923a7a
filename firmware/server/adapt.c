/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that learn from clips which the device labelled itself. */
#include "runtime/arena.h"
#include "runtime/base.h"
#include "runtime/clips.h"
#include "runtime/learn.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/recognize.h"
#include "runtime/state.h"
#include "server/handlers.h"
#include "server/listen.h"

#include <stddef.h>
#include <string.h>

/* What the model gets right: of the user's clips and their variations, of the clips that it
   labelled itself. */
struct exam {
    uint16_t own, guessed;
};

static enum status keep_state(void) {
    if (!myna_base_is_free()) {
        struct message_state_saved saved;
        return myna_state_save(&saved);
    }
    memcpy(myna_base, myna_model.state, sizeof myna_base);
    return STATUS_OK;
}

static enum status recover_state(void) {
    if (!myna_base_is_free()) {
        myna_state_restore();
        return myna_state_info.stored;
    }
    memcpy(myna_model.state, myna_base, sizeof myna_base);
    myna_listen_start_over();
    return STATUS_OK;
}

static void examine_clip(uint32_t slot, struct exam *exam) {
    const struct clip *clip = myna_clips_stored(slot);
    uint16_t right = myna_recognize_class(slot) == clip->label;
    if (clip->guessed) {
        exam->guessed = (uint16_t)(exam->guessed + right);
    } else if (clip->label == myna_model.silence) {
        exam->own = (uint16_t)(exam->own + right);
    } else {
        exam->own =
            (uint16_t)(exam->own + right + myna_listen_agreement(clip->features, clip->label));
    }
}

static struct exam examine(void) {
    struct exam exam = {0};
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (myna_clips_stored(slot) != NULL) {
            examine_clip(slot, &exam);
            myna_progress((uint32_t)*myna_model.step);
        }
    }
    return exam;
}

enum status myna_handle_adapt(const struct request *request, struct reply *reply) {
    const struct message_learn *options = &request->fixed.learn;
    struct learn_result result;
    if (!MYNA_FRONT_END) {
        return STATUS_NO_FRONT_END; /* it is variations that tell harm */
    }
    enum status status = myna_learn_check(options);
    if (status == STATUS_OK) {
        status = keep_state();
    }
    if (status != STATUS_OK) {
        return status;
    }
    myna_arena_take(ARENA_MODEL);
    struct exam before = examine();
    myna_learn_run(options, &result);
    struct exam after = examine();
    bool kept =
        after.own >= before.own && after.guessed >= before.guessed && !myna_learn_forgot(&result);
    if (!kept) {
        status = recover_state();
    }
    struct message_adapt_reply head = {
        .step = (uint32_t)*myna_model.step,
        .imprinted = result.imprinted,
        .kept = kept,
        .own_before = before.own,
        .own_after = after.own,
        .guessed_before = before.guessed,
        .guessed_after = after.guessed,
        .known_before = result.known_before,
        .known_after = result.known_after,
    };
    myna_reply_put(reply, &head, sizeof head);
    myna_reply_put(reply, result.worst, result.epochs * sizeof *result.worst);
    return status;
}
