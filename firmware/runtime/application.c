/* SPDX-License-Identifier: Apache-2.0 */
#include "myna.h"

#include "config.h" /* of the generated model */

#if MYNA_FRONT_END
#include "runtime/accept.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/latents.h"
#include "runtime/learn.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/recognize.h"
#include "runtime/sound.h"
#include "runtime/state.h"
#include "runtime/utterance.h"

#include <stddef.h>
#include <string.h>

static struct {
    uint32_t fed;
    uint16_t enrolled; /* class whose takes are said; MYNA_NO_CLASS: none */
} session;

void myna_init(const struct myna_nvm *nvm, void (*attend)(uint32_t done)) {
    session.fed = 0u;
    session.enrolled = MYNA_NO_CLASS;
    myna_progress_set(attend);
    myna_clips_clear(0u);
    myna_state_use(nvm);
    myna_state_restore();
    myna_utterance_begin();
}

void myna_feed(const int16_t *pcm, uint32_t count) {
    myna_sound_push(pcm, count, session.fed);
    session.fed += count;
}

/* -- words ----------------------------------------------------------------------------------- */

static uint16_t label_count(void) {
    uint16_t count = 1u;
    for (const char *at = myna_model.labels; *at != '\0'; at++) {
        count = (uint16_t)(count + (*at == '\n'));
    }
    return count;
}

static const char *label(uint16_t word, uint32_t *bytes) {
    const char *begin = myna_model.labels;
    while (word > 0u) {
        word = (uint16_t)(word - (*begin++ == '\n'));
    }
    *bytes = 0u;
    while (begin[*bytes] != '\n' && begin[*bytes] != '\0') {
        (*bytes)++;
    }
    return begin;
}

/* Where the name of a class behind the labels is kept. */
static char *kept_name(uint16_t word) {
    return (char *)myna_model.state + myna_model.names_offset +
           (uint32_t)(word - label_count()) * myna_model.name_bytes;
}

const char *myna_word(uint16_t word, uint32_t *bytes) {
    if (word >= *myna_model.classes && word != session.enrolled) {
        return NULL;
    }
    if (word < label_count()) {
        return label(word, bytes);
    }
    const char *name = kept_name(word);
    *bytes = 0u;
    while (*bytes < myna_model.name_bytes && name[*bytes] != '\0') {
        (*bytes)++;
    }
    return name;
}

static uint16_t find(const char *name, uint32_t bytes) {
    for (uint16_t word = 0u; word < *myna_model.classes; word++) {
        uint32_t size;
        const char *known = myna_word(word, &size);
        if (size == bytes && memcmp(known, name, bytes) == 0) {
            return word;
        }
    }
    return MYNA_NO_CLASS;
}

enum myna_result myna_enroll(const char *name) {
    session.enrolled = MYNA_NO_CLASS;
    if (name == NULL) {
        return MYNA_OK;
    }
    const uint32_t bytes = (uint32_t)strlen(name);
    uint16_t word = find(name, bytes);
    if (word == MYNA_NO_CLASS) {
        word = (uint16_t)*myna_model.classes;
        if (bytes == 0u || bytes > myna_model.name_bytes) {
            return MYNA_BAD_NAME;
        }
        if (word >= myna_model.max_classes) {
            return MYNA_NO_ROOM;
        }
        memset(kept_name(word), 0, myna_model.name_bytes);
        memcpy(kept_name(word), name, bytes);
        myna_clips_clear(word);
    }
    session.enrolled = word;
    return MYNA_OK;
}

/* -- utterances ------------------------------------------------------------------------------ */

static struct clip *free_clip(void) {
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        if (myna_clips_stored(slot) == NULL) {
            return myna_clips_at(slot);
        }
    }
    return NULL;
}

static uint16_t count_takes(uint16_t word) {
    uint16_t takes = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        takes = (uint16_t)(takes + (clip != NULL && clip->label == word));
    }
    return takes;
}

/* What takes a word is learned from is made of each while the next one is said. */
static void store(const struct endpoint_word *word, struct myna_event *event) {
    struct clip *clip = free_clip();
    event->word = session.enrolled;
    event->kind = clip != NULL ? MYNA_TAKE : MYNA_FULL;
    if (clip != NULL) {
        myna_utterance_cut(word, clip->features);
        clip->filled = MYNA_FEATURE_BYTES;
        clip->latents = 0u;
        myna_clips_store(clip, session.enrolled, false);
        myna_arena_take(ARENA_MODEL);
        myna_latents_make(session.enrolled);
    }
    event->takes = count_takes(event->word);
}

static void recognize(const struct endpoint_word *word, struct myna_event *event) {
    int8_t features[MYNA_FEATURE_BYTES];
    myna_utterance_cut(word, features);
    myna_arena_take(ARENA_MODEL);
    myna_recognize(features);
    event->word = myna_recognize_winner(NULL);
    event->confidence = myna_accept_confidence(event->word);
    bool is_known = myna_recognize_is_word(event->word) && myna_accept_reaches(event->confidence);
    event->kind = is_known ? MYNA_WORD : MYNA_OTHER;
}

bool myna_poll(struct myna_event *event) {
    struct endpoint_word word;
    uint32_t time;
    if (!myna_utterance_poll(&word, &time)) {
        return false;
    }
    *event = (struct myna_event){.time = time, .verdict = (uint8_t)word.verdict};
    if (word.verdict != ENDPOINT_OK) {
        event->kind = MYNA_UNFIT;
        event->word = session.enrolled;
    } else if (session.enrolled != MYNA_NO_CLASS) {
        store(&word, event);
    } else {
        recognize(&word, event);
    }
    return true;
}

/* -- learning -------------------------------------------------------------------------------- */

enum myna_result myna_learn(void) {
    static const int32_t rate[] = {MYNA_RATE_MANTISSA, MYNA_RATE_EXPONENT};
    static const struct message_learn options = {
        .enough = MYNA_ENOUGH,
        .vary = 1u,
        .epochs = MYNA_EPOCHS,
        .rehearsals = MYNA_REHEARSALS,
    };
    struct learn_result result;
    struct message_state_saved saved;
    if (myna_learn_check(&options) != STATUS_OK) {
        return MYNA_NO_TAKES;
    }
    myna_arena_take(ARENA_MODEL);
    memcpy(myna_model.state + MYNA_RATE_OFFSET, rate, sizeof rate);
    myna_learn_run(&options, &result);
    session.enrolled = MYNA_NO_CLASS;
    if (myna_learn_forgot(&result)) {
        myna_clips_clear(0u);
        myna_state_restore();
        return MYNA_FORGOT;
    }
    return myna_state_save(&saved) == STATUS_OK ? MYNA_OK : MYNA_NOT_STORED;
}
#endif
