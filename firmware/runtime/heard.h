/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken for a word lately, or nearly was, as features: the user may say that it was none.
   Twin of toolchain/myna/learn/heard.py */
#ifndef MYNA_HEARD_H
#define MYNA_HEARD_H

#include "config.h" /* of the generated model */

#include <stdbool.h>
#include <stdint.h>

struct heard {
    int8_t features[MYNA_FEATURE_BYTES];
    uint32_t number; /* counted from 1 since power-up; 0: none */
    int32_t confidence;
    uint16_t label; /* of the word that it was taken for */
    bool accepted;  /* or nearly so */
};

extern const uint32_t myna_heard_bytes;

/* Keeps the features of what was taken for a class, in place of the oldest, and returns their
   number. The same features keep theirs; of silence and of other words nothing is kept: 0. */
uint32_t myna_heard_note(const int8_t *features, uint16_t label, int32_t confidence, bool accepted);

/* What has this number; NULL if it is not kept. */
const struct heard *myna_heard_find(uint32_t number);

/* The newest of a lower number than `before`, 0: than any; NULL if none is kept. */
const struct heard *myna_heard_newest(uint32_t before);

/* Forgets what was taken for classes from `lowest` on. */
void myna_heard_clear(uint32_t lowest);

/* Forgets what was taken for class `label`; what was for `last` is of `label` from then on. */
void myna_heard_remove(uint32_t label, uint32_t last);

#endif
