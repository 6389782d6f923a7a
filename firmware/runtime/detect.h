/* SPDX-License-Identifier: Apache-2.0 */
/* Words in a stream of logits; twin of toolchain/myna/learn/detect.py */
#ifndef MYNA_DETECT_H
#define MYNA_DETECT_H

#include "config.h" /* of the generated model */

#include <stdbool.h>
#include <stdint.h>

#define DETECT_MOST_SPAN 16u   /* decisions */
#define DETECT_NEVER INT32_MAX /* a threshold that no score reaches */

/* When a word was said; times are in ticks. */
struct detect_rule {
    uint32_t period;           /* from one decision to the next */
    uint32_t refractory;       /* after an event without another */
    const int32_t *thresholds; /* [classes]: the least score of each that is an event */
    uint16_t classes;          /* 2 ... MYNA_MAX_CLASSES */
    uint16_t span;             /* decisions whose leads are summed, 1 ... DETECT_MOST_SPAN */
};

/* Zeros at first. */
struct detect_state {
    int16_t leads[DETECT_MOST_SPAN][MYNA_MAX_CLASSES]; /* of the latest decisions */
    int32_t scores[MYNA_MAX_CLASSES];                  /* their sums */
    uint32_t time;                                     /* of the latest decision */
    uint32_t wait;                                     /* until there may be an event again */
    uint16_t filled, next;                             /* rows of `leads` */
};

struct detect_event {
    uint32_t time;
    int32_t score;
    uint16_t label;
};

/* Takes the logits of a decision, and when it was made (modulo 2^32); whether a word was said. */
__attribute__((warn_unused_result)) bool myna_detect_push(struct detect_state *state,
                                                          const struct detect_rule *rule,
                                                          const int8_t *logits, uint32_t time,
                                                          struct detect_event *event);

#endif
