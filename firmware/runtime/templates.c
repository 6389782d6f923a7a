/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/templates.h"

#include <stddef.h>

#if MYNA_STREAMING
#include "runtime/model.h"
#include "runtime/sightings.h"
#include "runtime/stream.h"

#include <string.h>

#define MIDDLE (DETECT_SPAN / 2u) /* the decision whose window is the clip */

struct templates myna_templates;
uint16_t myna_templates_version;
const uint32_t myna_templates_bytes = sizeof myna_templates;

uint32_t myna_templates_find(uint32_t label) {
    uint32_t word = 0u;
    while (word < myna_templates.count && myna_templates.labels[word] != label) {
        word++;
    }
    return word < myna_templates.count ? word : MYNA_WORDS;
}

void myna_template_begin(void) {
    memset(myna_streaming.draft->totals, 0, sizeof myna_streaming.draft->totals);
}

/* The stream hears the clip, before it rows like its first and behind it rows like its last one:
   as if the room sounded on. */
static void hear(const int8_t *features) {
    const struct myna_streaming *stream = &myna_streaming;
    const int32_t steps = stream->warm_up + 1 + (int32_t)DETECT_SPAN;
    const int32_t behind = stream->delay + (int32_t)MIDDLE * stream->period;
    const int32_t first = MYNA_FRAMES + behind - steps * stream->period; /* in rows of the clip */
    uint32_t decision = 0u;
    for (int32_t row = first; row < MYNA_FRAMES + behind; row++) {
        int32_t at = row < 0 ? 0 : row < MYNA_FRAMES ? row : MYNA_FRAMES - 1;
        if (myna_stream_row(features + at * stream->row_bytes)) {
            int16_t embedding[MYNA_EMBEDDING];
            if (decision % DETECT_STRIDE == 0u) {
                myna_stream_embedding(embedding);
                myna_detect_add(embedding, myna_model.center, MYNA_EMBEDDING,
                                stream->draft->totals[decision / DETECT_STRIDE]);
            }
            decision++;
        }
    }
}

void myna_template_add(const int8_t *features) {
    myna_stream_save(myna_streaming.draft->stream);
    myna_stream_reset_rows();
    hear(features);
    myna_stream_restore(myna_streaming.draft->stream);
}

/* Those behind it follow. */
static void drop_rival(uint32_t at) {
    const uint32_t end = --myna_templates.rival_count;
    memmove(myna_templates.rivals[at], myna_templates.rivals[at + 1u],
            (end - at) * sizeof myna_templates.rivals[0]);
    memmove(&myna_templates.rival_labels[at], &myna_templates.rival_labels[at + 1u],
            (end - at) * sizeof myna_templates.rival_labels[0]);
    memset(myna_templates.rivals[end], 0, sizeof myna_templates.rivals[end]);
}

/* Where training changes embeddings, templates are made anew after it; of what was refused there is
   nothing to make it of. */
static void forget_other_embeddings(void) {
    while (MYNA_BODY_TRAINED && myna_templates.rival_count > 0u) {
        drop_rival(myna_templates.rival_count - 1u);
    }
    if (MYNA_BODY_TRAINED) {
        myna_sightings_clear();
    }
}

bool myna_template_end(uint32_t label, uint32_t takes) {
    uint32_t word = myna_templates_find(label);
    if (word == MYNA_WORDS) {
        if (myna_templates.count == MYNA_WORDS) {
            return false;
        }
        word = myna_templates.count++;
        myna_templates.labels[word] = (uint16_t)label;
        myna_templates.thresholds[word] = TEMPLATE_SILENT;
        myna_templates.rates[word] = 0u;
    }
    myna_templates.takes[word] = (uint16_t)takes;
    forget_other_embeddings();
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        myna_detect_direction(myna_streaming.draft->totals[step], MYNA_EMBEDDING,
                              myna_templates.directions[word][step]);
    }
    myna_templates_version++;
    return true;
}

/* Words are others now, and what was taken for them means nothing any more. */
static void change(void) {
    myna_sightings_clear();
    myna_templates_version++;
}

/* The last word takes its place. */
static void drop(uint32_t word) {
    const uint32_t end = --myna_templates.count;
    memmove(myna_templates.directions[word], myna_templates.directions[end],
            sizeof myna_templates.directions[word]);
    memset(myna_templates.directions[end], 0, sizeof myna_templates.directions[end]);
    myna_templates.thresholds[word] = myna_templates.thresholds[end];
    myna_templates.rates[word] = myna_templates.rates[end];
    myna_templates.labels[word] = myna_templates.labels[end];
    myna_templates.takes[word] = myna_templates.takes[end];
}

void myna_templates_add_rival(uint16_t label, const int8_t *directions) {
    if (myna_templates.rival_count == DETECT_RIVALS) {
        drop_rival(0u);
    }
    uint32_t at = myna_templates.rival_count++;
    memcpy(myna_templates.rivals[at], directions, sizeof myna_templates.rivals[at]);
    myna_templates.rival_labels[at] = label;
    myna_templates_version++;
}

void myna_templates_add_take(uint32_t word, const int8_t *directions) {
    int32_t *total = myna_streaming.draft->totals[0];
    int32_t takes = myna_templates.takes[word];
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        int8_t *direction = myna_templates.directions[word][step];
        for (uint32_t i = 0u; i < MYNA_EMBEDDING; i++) {
            total[i] = takes * direction[i] + directions[step * MYNA_EMBEDDING + i];
        }
        myna_detect_direction(total, MYNA_EMBEDDING, direction);
    }
    myna_templates.takes[word] = (uint16_t)(takes < UINT16_MAX ? takes + 1 : takes);
    myna_templates_version++;
}

void myna_templates_remove(uint32_t label, uint32_t last) {
    uint32_t word = myna_templates_find(label);
    if (word < MYNA_WORDS) {
        drop(word);
    }
    word = myna_templates_find(last);
    if (word < MYNA_WORDS) {
        myna_templates.labels[word] = (uint16_t)label;
    }
    for (uint32_t at = myna_templates.rival_count; at-- > 0u;) {
        if (myna_templates.rival_labels[at] == label) {
            drop_rival(at);
        } else if (myna_templates.rival_labels[at] == last) {
            myna_templates.rival_labels[at] = (uint16_t)label;
        }
    }
    change();
}

void myna_templates_clear(uint32_t lowest) {
    for (uint32_t word = myna_templates.count; word-- > 0u;) {
        if (myna_templates.labels[word] >= lowest) {
            drop(word);
        }
    }
    for (uint32_t at = myna_templates.rival_count; at-- > 0u;) {
        if (myna_templates.rival_labels[at] >= lowest) {
            drop_rival(at);
        }
    }
    change();
}

uint8_t *myna_templates_memory(void) {
    return (uint8_t *)&myna_templates;
}

bool myna_templates_are_any(void) {
    return myna_templates.count > 0u; /* rivals go with their words */
}

/* Whether a direction is no longer than rounding makes it: sums of its products fit. */
static bool is_direction(const int8_t *direction) {
    int32_t square = 0;
    for (uint32_t i = 0u; i < MYNA_EMBEDDING; i++) {
        square += direction[i] * direction[i];
    }
    return square <= 2 * DETECT_UNIT * DETECT_UNIT;
}

static bool are_directions(int8_t directions[DETECT_STEPS][MYNA_EMBEDDING]) {
    bool good = true;
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        good = good && is_direction(directions[step]);
    }
    return good;
}

static bool is_usable(uint32_t word) {
    return myna_templates.labels[word] < myna_model.max_classes &&
           myna_templates_find(myna_templates.labels[word]) == word &&
           are_directions(myna_templates.directions[word]);
}

bool myna_templates_restore(void) {
    bool good = myna_templates.count <= MYNA_WORDS && myna_templates.rival_count <= DETECT_RIVALS;
    for (uint32_t word = 0u; good && word < myna_templates.count; word++) {
        good = is_usable(word);
    }
    for (uint32_t at = 0u; good && at < myna_templates.rival_count; at++) {
        good = myna_templates_find(myna_templates.rival_labels[at]) < MYNA_WORDS &&
               are_directions(myna_templates.rivals[at]);
    }
    change();
    if (!good) {
        memset(&myna_templates, 0, sizeof myna_templates);
    }
    return good;
}
#else
const uint32_t myna_templates_bytes = 0u;

uint8_t *myna_templates_memory(void) {
    return NULL;
}

bool myna_templates_are_any(void) {
    return false;
}

bool myna_templates_restore(void) {
    return true;
}

void myna_templates_remove(uint32_t label, uint32_t last) {
    (void)label;
    (void)last;
}

void myna_templates_clear(uint32_t lowest) {
    (void)lowest;
}
#endif
