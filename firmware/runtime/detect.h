/* SPDX-License-Identifier: Apache-2.0 */
/* Words in a stream of embeddings; twin of toolchain/myna/learn/detect.py */
#ifndef MYNA_DETECT_H
#define MYNA_DETECT_H

#include "config.h" /* of the generated model */

#include <stdbool.h>
#include <stdint.h>

#define DETECT_STEPS 7u  /* directions of a template */
#define DETECT_STRIDE 4u /* decisions from one to the next */
#define DETECT_RIVALS 4u /* sounds that were refused, at most */
#define DETECT_UNIT 127  /* length of a direction of a template */
#define DETECT_FULL \
    (((int32_t)DETECT_STEPS * DETECT_UNIT) << 15) /* score of sound like a template */
#define DETECT_SPAN ((DETECT_STEPS - 1u) * DETECT_STRIDE)

/* When a word was said; times are in ticks. */
struct detect_rule {
    const int16_t *center;     /* [inputs], Q4 */
    const int8_t *foils;       /* [foil_count][inputs]: directions of any speech */
    const int8_t *templates;   /* [words][DETECT_STEPS][inputs] */
    const int32_t *thresholds; /* [words]: the least score of each that is an event */
    const int8_t *rivals;      /* [rival_count][DETECT_STEPS][inputs]: of sounds that are no word */
    uint32_t period;           /* from one decision to the next */
    uint32_t refractory;       /* after an event without another */
    uint16_t inputs;           /* of the head, at most 2048 */
    uint16_t foil_count;
    uint16_t words;       /* at most MYNA_WORDS */
    uint16_t rival_count; /* at most DETECT_RIVALS */
};

/* Zeros at first. */
struct detect_state {
    /* what is known of the scores of this decision, at `next`, and of those to come */
    int32_t sums[MYNA_WORDS][DETECT_SPAN + 1u];
    int32_t rival_sums[DETECT_RIVALS][DETECT_SPAN + 1u];
    int32_t scores[MYNA_WORDS]; /* of the latest decision; 0 before DETECT_SPAN + 1 of them */
    uint32_t time;              /* of the latest decision */
    uint32_t wait;              /* until there may be an event again */
    uint16_t next;              /* column of `sums` */
    uint16_t heard;             /* decisions in a row, at most DETECT_SPAN + 1 */
};

/* The word whose score exceeds its threshold most at a decision, whether that is an event or not.
 */
struct detect_event {
    uint32_t time;
    int32_t score;
    uint16_t word;
    bool is_rival; /* what was said is more like a sound that was refused */
};

/* Takes the embedding of a decision (int8 minus its zero point), of which it leaves the way from
   the centre (Q4), and when it was made, modulo 2^32; whether a word was said. `event` is valid if
   there are words and DETECT_SPAN + 1 decisions. */
__attribute__((warn_unused_result)) bool myna_detect_push(struct detect_state *state,
                                                          const struct detect_rule *rule,
                                                          int16_t *embedding, uint32_t time,
                                                          struct detect_event *event);

/* Adds the direction of an embedding, of which the same is left, Q15, to `total` [inputs]. */
void myna_detect_add(int16_t *embedding, const int16_t *center, uint32_t inputs, int32_t *total);

/* The direction of an embedding alone, of which the same is left. */
void myna_detect_one(int16_t *embedding, const int16_t *center, uint32_t inputs, int8_t *direction);

/* A direction of a template from the total of its takes' directions, at most 2048. */
void myna_detect_direction(const int32_t *total, uint32_t inputs, int8_t *direction);

#endif
