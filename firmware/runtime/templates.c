/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/templates.h"

#include <stddef.h>

#if MYNA_STREAMING
#include "runtime/model.h"
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
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        myna_detect_direction(myna_streaming.draft->totals[step], MYNA_EMBEDDING,
                              myna_templates.directions[word][step]);
    }
    myna_templates_version++;
    return true;
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

void myna_templates_remove(uint32_t label, uint32_t last) {
    uint32_t word = myna_templates_find(label);
    if (word < MYNA_WORDS) {
        drop(word);
    }
    word = myna_templates_find(last);
    if (word < MYNA_WORDS) {
        myna_templates.labels[word] = (uint16_t)label;
    }
    myna_templates_version++;
}

void myna_templates_clear(uint32_t lowest) {
    for (uint32_t word = myna_templates.count; word-- > 0u;) {
        if (myna_templates.labels[word] >= lowest) {
            drop(word);
        }
    }
    myna_templates_version++;
}

uint8_t *myna_templates_memory(void) {
    return (uint8_t *)&myna_templates;
}

bool myna_templates_are_any(void) {
    return myna_templates.count > 0u;
}

/* Whether a direction is no longer than rounding makes it: sums of its products fit. */
static bool is_direction(const int8_t *direction) {
    int32_t square = 0;
    for (uint32_t i = 0u; i < MYNA_EMBEDDING; i++) {
        square += direction[i] * direction[i];
    }
    return square <= 2 * DETECT_UNIT * DETECT_UNIT;
}

static bool is_usable(uint32_t word) {
    bool good = myna_templates.labels[word] < myna_model.max_classes &&
                myna_templates_find(myna_templates.labels[word]) == word;
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        good = good && is_direction(myna_templates.directions[word][step]);
    }
    return good;
}

bool myna_templates_restore(void) {
    myna_templates_version++;
    bool good = myna_templates.count <= MYNA_WORDS;
    for (uint32_t word = 0u; good && word < myna_templates.count; word++) {
        good = is_usable(word);
    }
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
