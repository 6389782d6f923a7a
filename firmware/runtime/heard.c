/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/heard.h"

#include "runtime/recognize.h"

#include <stddef.h>
#include <string.h>

#if MYNA_HEARD > 0
static struct heard ring[MYNA_HEARD]; /* a number's place is its remainder */
static uint32_t last;                 /* number given */
const uint32_t myna_heard_bytes = sizeof ring;

static struct heard *place(uint32_t number) {
    return &ring[number % MYNA_HEARD];
}

static struct heard *same(const int8_t *features) {
    for (uint32_t i = 0u; i < MYNA_HEARD; i++) {
        if (ring[i].number > 0u && memcmp(ring[i].features, features, MYNA_FEATURE_BYTES) == 0) {
            return &ring[i];
        }
    }
    return NULL;
}

uint32_t myna_heard_note(const int8_t *features, uint16_t label, int32_t confidence,
                         bool accepted) {
    if (!myna_recognize_is_word(label)) {
        return 0u;
    }
    struct heard *heard = same(features);
    if (heard == NULL) {
        heard = place(++last);
        heard->number = last;
        memcpy(heard->features, features, sizeof heard->features);
    }
    heard->label = label;
    heard->confidence = confidence;
    heard->accepted = accepted;
    return heard->number;
}

const struct heard *myna_heard_find(uint32_t number) {
    const struct heard *heard = place(number);
    return number > 0u && heard->number == number ? heard : NULL;
}

const struct heard *myna_heard_newest(uint32_t before) {
    uint32_t number = before > 0u && before <= last ? before : last + 1u;
    while (--number > 0u && last - number < MYNA_HEARD) {
        if (myna_heard_find(number) != NULL) {
            return place(number);
        }
    }
    return NULL;
}

static void forget(struct heard *heard) {
    memset(heard, 0, sizeof *heard);
}

void myna_heard_clear(uint32_t lowest) {
    for (uint32_t i = 0u; i < MYNA_HEARD; i++) {
        if (ring[i].label >= lowest) {
            forget(&ring[i]);
        }
    }
}

void myna_heard_remove(uint32_t label, uint32_t last_label) {
    for (uint32_t i = 0u; i < MYNA_HEARD; i++) {
        if (ring[i].label == label) {
            forget(&ring[i]);
        } else if (ring[i].label == last_label) {
            ring[i].label = (uint16_t)label;
        }
    }
}
#else
const uint32_t myna_heard_bytes = 0u;

uint32_t myna_heard_note(const int8_t *features, uint16_t label, int32_t confidence,
                         bool accepted) {
    (void)features;
    (void)label;
    (void)confidence;
    (void)accepted;
    return 0u;
}

const struct heard *myna_heard_find(uint32_t number) {
    (void)number;
    return NULL;
}

const struct heard *myna_heard_newest(uint32_t before) {
    (void)before;
    return NULL;
}

void myna_heard_clear(uint32_t lowest) {
    (void)lowest;
}

void myna_heard_remove(uint32_t label, uint32_t last_label) {
    (void)label;
    (void)last_label;
}
#endif
