/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that run the model. */
#include "runtime/accept.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/learn.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/recognize.h"
#include "runtime/schedule.h"
#include "runtime/state.h"
#include "server/handlers.h"
#include "server/trace.h"

#include <stddef.h>
#include <string.h>

_Static_assert(MYNA_MAX_CLASSES < MESSAGE_NO_CLASS, "SCORE answers with one byte per clip");

enum status myna_handle_infer(const struct request *request, struct reply *reply) {
    const struct message_infer *infer = &request->fixed.infer;
    const struct trace_options options = {infer->trace != 0u, infer->stop_after};
    const struct clip *clip = myna_clips_stored(infer->slot);
    struct message_infer_reply result = {.classes = (uint16_t)*myna_model.classes};
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    myna_arena_take(ARENA_MODEL);
    memcpy(myna_model.features, clip->features, sizeof clip->features);
    myna_trace_run(myna_model.infer, options);
    result.label = myna_recognize_winner(NULL);
    result.confidence = myna_accept_confidence(result.label);
    result.accepted = myna_accept_reaches(result.confidence);
    myna_reply_put(reply, &result, sizeof result);
    myna_reply_put(reply, myna_model.logits, result.classes);
    return STATUS_OK;
}

enum status myna_handle_score(const struct request *request, struct reply *reply) {
    const struct message_score *score = &request->fixed.score;
    struct message_score_reply result = {0u, 0u};
    uint8_t labels[FRAME_MAX_PAYLOAD - sizeof result];
    if (!range_inside(score->first, score->count, MYNA_MAX_CLIPS) || score->count > sizeof labels) {
        return STATUS_BAD_RANGE;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    myna_arena_take(ARENA_MODEL);
    for (uint32_t i = 0u; i < score->count; i++) {
        const struct clip *clip = myna_clips_stored(score->first + i);
        labels[i] = MESSAGE_NO_CLASS;
        if (clip != NULL) {
            uint16_t label = myna_recognize_class(score->first + i);
            labels[i] = (uint8_t)label;
            result.total++;
            result.correct = (uint16_t)(result.correct + (label == clip->label));
            myna_progress(score->first + i);
        }
    }
    myna_reply_put(reply, &result, sizeof result);
    myna_reply_put(reply, labels, score->count);
    return STATUS_OK;
}

/* Why training cannot start; otherwise the stored clips, of which all have a class in use. */
static enum status check_training(const struct message_train *train, uint16_t *slots,
                                  uint32_t *count) {
    bool whole = train->stop_after == MESSAGE_NO_NODE;
    if (train->steps == 0u || train->steps > (whole ? MESSAGE_MAX_STEPS : 1u)) {
        return STATUS_BAD_RANGE;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    *count = myna_clips_list(slots);
    for (uint32_t i = 0u; i < *count; i++) {
        if (myna_clips_stored(slots[i])->label >= *myna_model.classes) {
            return STATUS_BAD_LABEL;
        }
    }
    return *count > 0u ? STATUS_OK : STATUS_BAD_SLOT;
}

/* One training step on the clip whose turn it is; returns the loss. */
static int32_t learn(struct trace_options options) {
    uint16_t slots[MYNA_MAX_CLIPS];
    uint32_t count = myna_clips_list(slots);
    const struct clip *clip = myna_clips_stored(
        myna_schedule_pick(slots, count, (uint32_t)*myna_model.seed, (uint32_t)*myna_model.step));
    memcpy(myna_model.features, clip->features, sizeof clip->features);
    *myna_model.label = clip->label;
    if (myna_trace_run(myna_model.train_step, options)) {
        myna_state_info.is_incomplete = true;
    }
    return *myna_model.loss;
}

enum status myna_handle_train(const struct request *request, struct reply *reply) {
    const struct message_train *train = &request->fixed.train;
    const struct trace_options options = {train->trace != 0u, train->stop_after};
    uint16_t slots[MYNA_MAX_CLIPS];
    uint32_t count;
    int32_t losses[MESSAGE_MAX_STEPS];
    enum status status = check_training(train, slots, &count);
    if (status != STATUS_OK) {
        return status;
    }
    myna_arena_take(ARENA_MODEL);
    for (uint32_t i = 0u; i < train->steps; i++) {
        losses[i] = learn(options);
        myna_progress((uint32_t)*myna_model.step);
    }
    struct message_train_reply result = {.step = (uint32_t)*myna_model.step};
    myna_reply_put(reply, &result, sizeof result);
    myna_reply_put(reply, losses, train->steps * sizeof *losses);
    return STATUS_OK;
}

enum status myna_handle_learn(const struct request *request, struct reply *reply) {
    const struct message_learn *options = &request->fixed.learn;
    struct learn_result result;
    enum status status = myna_learn_check(options);
    if (status != STATUS_OK) {
        return status;
    }
    myna_arena_take(ARENA_MODEL);
    myna_learn_run(options, &result);
    struct message_learn_reply head = {
        .step = (uint32_t)*myna_model.step,
        .classes = (uint16_t)*myna_model.classes,
        .imprinted = result.imprinted,
        .known_before = result.known_before,
        .known_after = result.known_after,
    };
    myna_reply_put(reply, &head, sizeof head);
    myna_reply_put(reply, result.worst, result.epochs * sizeof *result.worst);
    return STATUS_OK;
}
