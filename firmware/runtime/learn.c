/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/learn.h"

#include "kernels/fixed.h"
#include "runtime/accept.h"
#include "runtime/base.h"
#include "runtime/clips.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/recognize.h"
#include "runtime/schedule.h"
#include "runtime/state.h"
#include "runtime/takes.h"
#include "runtime/vary.h"

#include <stddef.h>
#include <string.h>

#define TAG_VARY 0x56415259u     /* "VARY": no tensor draws with these tags */
#define TAG_REHEARSE 0x52454853u /* "REHS" */
#define TAG_ACCEPT 0x41435054u   /* "ACPT" */
#define FORGET_SHIFT 5u          /* one memory in so many may be forgotten, as a power of two */
#define HALVINGS 2               /* of new rows, at most, while more are endangered */
/* Times as many rehearsals once memories are endangered: they would drown a whole network's new. */
#define MORE (MYNA_ALL_TRAINED ? 1u : 8u)

static uint16_t slots[MYNA_MAX_CLIPS];
static uint32_t count;

enum status myna_learn_check(const struct message_learn *options) {
    bool used[MYNA_MAX_CLASSES] = {false};
    if (options->epochs > MESSAGE_MAX_EPOCHS || options->enough > INT32_MAX ||
        options->proximal > 256u) {
        return STATUS_BAD_RANGE;
    }
    if (options->proximal > 0u && !myna_base_is_set) {
        return STATUS_NO_BASE;
    }
    if (!MYNA_FRONT_END && options->vary != 0u) {
        return STATUS_NO_FRONT_END;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    count = myna_clips_list(slots);
    for (uint32_t i = 0u; i < count; i++) {
        const struct clip *clip = myna_clips_stored(slots[i]);
        if (clip->guessed && clip->label >= *myna_model.classes) {
            return STATUS_BAD_LABEL; /* only the user begins a class */
        }
        used[clip->label] = true;
    }
    bool gap = false; /* new classes follow those in use without one */
    for (uint32_t class = (uint32_t)*myna_model.classes; class < MYNA_MAX_CLASSES; class++) {
        if (used[class] && (gap || myna_model.imprint == NULL)) {
            return STATUS_BAD_LABEL;
        }
        gap = gap || !used[class];
    }
    return count > 0u ? STATUS_OK : STATUS_BAD_SLOT;
}

static uint32_t key_of(uint32_t tag) {
    return fx_key((uint32_t)*myna_model.seed, (uint32_t)*myna_model.step, tag);
}

static int32_t train_on(const struct message_learn *options, uint32_t slot) {
    uint32_t key = key_of(TAG_VARY);
    myna_latents_feed_varied(options, slot, vary_draw(key, DRAW_VARIATION, MYNA_VARIATIONS), key);
    *myna_model.label = myna_clips_stored(slot)->label;
    myna_model.rehearse();
    myna_progress((uint32_t)*myna_model.step);
    return *myna_model.loss;
}

static void rehearse(const struct message_learn *options) {
    uint32_t key = key_of(TAG_REHEARSE);
    uint32_t memory = vary_draw(key, DRAW_MEMORY, myna_model.replay_count);
    const int8_t *latent = &myna_model.replay_latents[memory * myna_model.latent_bytes];
    uint32_t label = (uint32_t)myna_model.replay_labels[memory];
    if (MYNA_FROZEN_NODES == 0) { /* an address says nothing: tensors share them */
        myna_vary_feed(options, latent, label, key);
    } else {
        memcpy(myna_model.latent, latent, myna_model.latent_bytes);
    }
    *myna_model.label = (int32_t)label;
    myna_model.rehearse();
    myna_progress((uint32_t)*myna_model.step);
}

static uint32_t forgettable(void) {
    return myna_recognize_asked >> FORGET_SHIFT;
}

bool myna_learn_forgot(const struct learn_result *result) {
    return result->known_after + forgettable() < result->known_before;
}

/* Starts a class from its clips; false if it has none. */
static bool begin_class(uint32_t class, int32_t halvings) {
    *myna_model.shots = myna_takes_sum(class);
    if (*myna_model.shots > 0) {
        *myna_model.label = (int32_t)class;
        *myna_model.halvings = halvings;
        myna_model.imprint();
    }
    return *myna_model.shots > 0;
}

/* Starts the new classes, and more gently if that endangers too many memories; whether it did. */
static bool begin_classes(struct learn_result *result) {
    const uint32_t first = (uint32_t)*myna_model.classes;
    int32_t halvings = 0;
    struct recall_count memories;
    do {
        uint32_t class = first;
        while (class < MYNA_MAX_CLASSES && myna_model.imprint != NULL &&
               begin_class(class, halvings)) {
            class++;
        }
        *myna_model.classes = (int32_t)class;
        result->imprinted = (uint16_t)(class - first);
        memories = myna_recognize_begun(first);
    } while (memories.endangered > forgettable() && halvings++ < HALVINGS);
    result->known_before = memories.before; /* beginning changes nothing but the new classes */
    result->known_after = memories.known;
    return halvings > 0;
}

/* One epoch over the clips in random order; returns the largest mean loss of a class. */
static int32_t epoch(const struct message_learn *options, uint32_t rehearsals) {
    int64_t losses[MYNA_MAX_CLASSES] = {0};
    int32_t clips[MYNA_MAX_CLASSES] = {0};
    int32_t worst = 0;
    (void)myna_clips_list(slots);
    myna_schedule_shuffle(slots, count, (uint32_t)*myna_model.seed, (uint32_t)*myna_model.step);
    for (uint32_t i = 0u; i < count; i++) {
        const struct clip *clip = myna_clips_stored(slots[i]);
        if (clip->guessed && myna_recognize_class(slots[i]) != clip->label) {
            continue; /* the model no longer thinks so: perhaps it was never right */
        }
        losses[clip->label] += train_on(options, slots[i]);
        clips[clip->label]++;
        for (uint32_t r = 0u; r < rehearsals && myna_model.replay_count > 0u; r++) {
            rehearse(options);
        }
    }
    for (uint32_t class = 0u; class < MYNA_MAX_CLASSES; class++) {
        if (clips[class] > 0) {
            worst = fx_max32(worst, (int32_t)(losses[class] / clips[class]));
        }
    }
    return worst;
}

void myna_learn_run(const struct message_learn *options, struct learn_result *result) {
    *result = (struct learn_result){0};
    const uint32_t rehearsals = options->rehearsals * (begin_classes(result) ? MORE : 1u);
    while (result->epochs < options->epochs) {
        int32_t worst = epoch(options, rehearsals);
        result->worst[result->epochs++] = worst;
        bool enough = worst < (int32_t)options->enough; /* never below 0, to which one may round */
        if (enough || result->epochs == options->epochs) {
            result->known_after = myna_recognize_known();
        }
        if (enough && !myna_learn_forgot(result)) {
            break;
        }
        if (options->proximal > 0u && result->epochs < options->epochs) {
            myna_base_retreat(options->proximal);
        }
    }
    if (myna_model.similarity != NULL) {
        myna_accept_calibrate(options, key_of(TAG_ACCEPT));
    }
}
