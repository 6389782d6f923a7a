/* SPDX-License-Identifier: Apache-2.0 */
/* Words that a board listens for, by the templates of their takes; twin of
   toolchain/myna/learn/templates.py. There are some if the model was built with --streaming. */
#ifndef MYNA_TEMPLATES_H
#define MYNA_TEMPLATES_H

#include "config.h" /* of the generated model */
#include "runtime/detect.h"

#include <stdbool.h>
#include <stdint.h>

#define TEMPLATE_SILENT INT32_MAX /* the threshold of a word until somebody sets one */

/* A template that is being made, and beside it what the stream heard before. */
struct myna_template_draft {
    int32_t totals[DETECT_STEPS][MYNA_EMBEDDING];
    uint8_t stream[MYNA_STREAM_COPY];
};

/* Of words 0 … count - 1; label is a class. It is saved as it is, with the state. */
struct templates {
    int8_t directions[MYNA_WORDS][DETECT_STEPS][MYNA_EMBEDDING];
    int32_t thresholds[MYNA_WORDS];
    int8_t rivals[DETECT_RIVALS][DETECT_STEPS]
                 [MYNA_EMBEDDING]; /* of refused sounds, oldest first */
    uint32_t rates[MYNA_WORDS]; /* false accepts in a thousand hours that thresholds were set for */
    uint16_t labels[MYNA_WORDS];
    uint16_t takes[MYNA_WORDS];           /* that the template was made of */
    uint16_t rival_labels[DETECT_RIVALS]; /* of the words that they were taken for */
    uint16_t count, rival_count;
};
extern struct templates myna_templates;
extern uint16_t myna_templates_version; /* another one after each change of words and templates */

/* Begins a template in the arena, which is the caller's. */
void myna_template_begin(void);

/* Adds a take: the features of a clip in whose middle the word is. The stream goes on afterwards
   as if nothing had been. */
void myna_template_add(const int8_t *features);

/* Makes it the template of a class, of so many takes; false if there are as many words as there is
   room for. */
__attribute__((warn_unused_result)) bool myna_template_end(uint32_t label, uint32_t takes);

/* What is like these directions is no word, though it was taken for that of class `label`: one more
   rival, in place of the oldest. [DETECT_STEPS][MYNA_EMBEDDING] */
void myna_templates_add_rival(uint16_t label, const int8_t *directions);

/* One more take of a word, as such directions. The arena is the caller's. */
void myna_templates_add_take(uint32_t word, const int8_t *directions);

/* The word of a class; MYNA_WORDS: none. */
uint32_t myna_templates_find(uint32_t label);

/* Forgets the word of class `label`, and its rivals; what is of class `last` is of `label` then. */
void myna_templates_remove(uint32_t label, uint32_t last);

/* Forgets the words of classes from `lowest` on. */
void myna_templates_clear(uint32_t lowest);

/* What is saved: bytes of all words, where they begin, and whether there are any. */
extern const uint32_t myna_templates_bytes; /* 0: this firmware does not listen */
uint8_t *myna_templates_memory(void);
bool myna_templates_are_any(void);

/* Takes over what came back to its place; false: these can be no words. */
__attribute__((warn_unused_result)) bool myna_templates_restore(void);

#endif
