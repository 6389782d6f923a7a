/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sound to rows of features, which wait in a ring. Whoever brings sound calls
 * myna_sound_push, also from one interrupt; all else is for the thread of the main loop alone.
 */
#ifndef MYNA_SOUND_H
#define MYNA_SOUND_H

#include "runtime/recording.h"

#include <stdbool.h>
#include <stdint.h>

#define SOUND_PREROLL 10u /* rows before speech stands out that belong to it: 0.2 s */

struct sound_row {
    uint32_t time;            /* samples until it was complete */
    uint8_t level;            /* of the first of its hops; see audio/endpoint.h */
    uint8_t clipped : 7;      /* samples at full scale since the row before, 127 at most */
    uint8_t follows_loss : 1; /* there is a gap in front of it */
    int8_t features[MYNA_ROW_BYTES];
};

/* Begins anew: samples are counted from 0, and the ring is empty. */
void myna_sound_begin(void);
void myna_sound_end(void);
bool myna_sound_is_on(void);

/* Takes samples (16 kHz), the first of which is number `time`. What was there before is passed
   over; what lies between it and the sample that was expected is lost. */
void myna_sound_push(const int16_t *pcm, uint32_t count, uint32_t time);

/* How many rows wait; the oldest is number 0 of them. */
uint32_t myna_sound_waiting(void);
const struct sound_row *myna_sound_row(uint32_t number);
/* The oldest row is not needed any more. */
void myna_sound_drop(void);

/* Samples since it began, of them not heard, and the level of the latest 20 ms. */
uint32_t myna_sound_samples(void);
uint32_t myna_sound_lost(void);
uint8_t myna_sound_level(void);

#endif
