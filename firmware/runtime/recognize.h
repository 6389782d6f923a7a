/* SPDX-License-Identifier: Apache-2.0 */
/* Inference, and what came of it. */
#ifndef MYNA_RECOGNIZE_H
#define MYNA_RECOGNIZE_H

#include "protocol/messages.h"
#include "runtime/clips.h"

#include <stdbool.h>
#include <stdint.h>

/* How many memories tell what is known: the first ones. */
extern const uint32_t myna_recognize_asked;

/* The clip in a slot (NULL: no such slot), and whether it can be inferred, labelled or not. */
__attribute__((warn_unused_result)) enum status myna_recognize_check(uint32_t slot,
                                                                     struct clip **clip);

/* Infers a feature map: the model's logits, embedding and similarity are its own then. */
void myna_recognize(const int8_t *features);

/* Makes logits and embedding those of the clip stored in a slot. */
void myna_recognize_clip(uint32_t slot);

/* Gives the model a memory. */
void myna_recognize_feed_memory(uint32_t memory);

/* The class with the largest logit, the first of equals, and by how much it leads (or NULL). */
uint16_t myna_recognize_winner(uint16_t *margin);

/* Whether a class is a word, and neither silence nor other words. */
bool myna_recognize_is_word(uint16_t label);

/* How many memories are taken for what they are. */
uint16_t myna_recognize_known(void);

struct recall_count {
    uint16_t known;      /* memories taken for what they are, */
    uint16_t before;     /* those that would be without the classes that begin, */
    uint16_t endangered; /* and those of them that one of these comes close to */
};

/* What becomes of the memories as the classes from `first` on begin. */
struct recall_count myna_recognize_begun(uint32_t first);

/* The class that the model takes the clip stored in a slot for. */
uint16_t myna_recognize_class(uint32_t slot);

#endif
