/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about clips that nobody has labelled. */
#include "server/listen.h"

#include "audio/augment.h"
#include "kernels/fixed.h"
#include "runtime/arena.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "server/handlers.h"

#include <stddef.h>

#define TAG_LISTEN 0x4C495354u /* "LIST": no tensor draws with this tag */

uint16_t myna_listen_agreement(const int8_t *features, uint16_t label) {
    uint16_t agreed = 0u;
    for (uint32_t view = 0u; view < LISTEN_VIEWS; view++) {
        uint32_t key = fx_key((uint32_t)*myna_model.seed, view, TAG_LISTEN);
        myna_audio_vary(myna_model.audio, features, NULL, key, myna_model.features);
        myna_model.infer(NULL);
        agreed = (uint16_t)(agreed + (myna_recognize_winner(NULL) == label));
    }
    return agreed;
}

/* Whether it is sure how a class sounds: the user, or a memory in flash, gave an example. */
static bool is_taught(uint16_t label) {
    for (uint32_t i = 0u; i < myna_model.replay_count; i++) {
        if (myna_model.replay_labels[i] == label) {
            return true;
        }
    }
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        if (clip != NULL && !clip->guessed && clip->label == label) {
            return true;
        }
    }
    return false;
}

static uint32_t count_guessed(uint16_t label) {
    uint32_t found = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        found += clip != NULL && clip->guessed && clip->label == label;
    }
    return found;
}

static enum listen_verdict judge(const struct message_listen *listen, const int8_t *features,
                                 struct message_listen_reply *heard) {
    myna_recognize(features);
    heard->label = myna_recognize_winner(&heard->margin);
    if (heard->label < listen->lowest || heard->label == myna_model.silence) {
        return LISTEN_OTHER;
    }
    if (!is_taught(heard->label)) {
        return LISTEN_UNTAUGHT;
    }
    if (heard->margin < listen->margin) {
        return LISTEN_UNSURE;
    }
    if (count_guessed(heard->label) >= listen->most) {
        return LISTEN_CROWDED;
    }
    heard->agreed = myna_listen_agreement(features, heard->label);
    return heard->agreed < listen->agree ? LISTEN_INCONSISTENT : LISTEN_KEPT;
}

enum status myna_handle_listen(const struct request *request, struct reply *reply) {
    const struct message_listen *listen = &request->fixed.listen;
    struct clip *clip;
    struct message_listen_reply heard = {0};
    if (!MYNA_FRONT_END) {
        return STATUS_NO_FRONT_END;
    }
    enum status status = myna_recognize_check(listen->slot, &clip);
    if (clip != NULL && clip->stored && !clip->guessed) {
        return STATUS_BAD_SLOT;
    }
    if (status != STATUS_OK) {
        return status;
    }
    myna_arena_take(ARENA_MODEL);
    myna_clips_drop(clip);
    heard.verdict = (uint16_t)judge(listen, clip->features, &heard);
    if (heard.verdict == LISTEN_KEPT) {
        myna_clips_store(clip, heard.label, true);
    }
    myna_reply_put(reply, &heard, sizeof heard);
    return STATUS_OK;
}

enum status myna_handle_confirm(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_confirm *confirm = &request->fixed.confirm;
    if (confirm->right > 1u) {
        return STATUS_BAD_RANGE;
    }
    if (myna_clips_stored(confirm->slot) == NULL) {
        return STATUS_BAD_SLOT;
    }
    struct clip *clip = myna_clips_at(confirm->slot);
    if (confirm->right != 0u) {
        myna_clips_store(clip, clip->label, false);
    } else {
        myna_clips_drop(clip);
    }
    return STATUS_OK;
}
