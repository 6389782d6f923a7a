/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken for a word in a stream lately, or nearly was, as directions: the user may say that
   it was none, or that it was. Twin of toolchain/myna/learn/sightings.py */
#ifndef MYNA_SIGHTINGS_H
#define MYNA_SIGHTINGS_H

#include "runtime/detect.h"

#include <stdbool.h>
#include <stdint.h>

#define SIGHTINGS 4u /* that are kept */

struct sighting {
    int8_t directions[DETECT_STEPS][MYNA_EMBEDDING]; /* where its score was highest */
    uint32_t number;                                 /* counted from 1 since power-up; 0: none */
    uint32_t time;                                   /* of the decision */
    int32_t score;
    uint16_t label; /* of the word that it was taken for */
    bool accepted;  /* it was an event, or nearly so */
};

/* Takes each decision, in turn: the latest embedding of the stream, and what the detector says,
   NULL if it says nothing yet. Of decisions in which a word is nearly reached, one is kept in a
   second: that which exceeds a threshold most, in place of the oldest. */
void myna_sightings_push(const struct detect_event *event, bool accepted);

/* The newest of a lower number than `before`, 0: than any; NULL if none is kept. */
const struct sighting *myna_sightings_newest(uint32_t before);

/* It was no word: what is like it is none from now on; false if it is not kept any more. */
__attribute__((warn_unused_result)) bool myna_sightings_refuse(uint32_t number);

/* It was the word with this number among the templates, to which it is added as one more take. The
   arena is the caller's. False as above. */
__attribute__((warn_unused_result)) bool myna_sightings_add(uint32_t number, uint32_t word);

/* Forgets them all. */
void myna_sightings_clear(void);

#endif
