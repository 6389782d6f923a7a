/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that are said on their own, out of sound as it comes: an utterance begins 0.2 s before the
 * first hop that stands out from the noise, and ends half a second behind the last one.
 * Twin of toolchain/myna/learn/utterance.py.
 */
#ifndef MYNA_UTTERANCE_H
#define MYNA_UTTERANCE_H

#include "audio/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

#define UTTERANCE_PAUSE 25u /* hops: 0.5 s; pauses within a word are shorter */

/* Forgets what was heard; sound arrives by myna_sound_push from now on. */
void myna_utterance_begin(void);

/*
 * Takes what has arrived, up to an utterance's end: true then, with its word and when it ended.
 * Features of an utterance lie in the arena (myna_model.recording), which is taken with the first.
 */
__attribute__((warn_unused_result)) bool myna_utterance_poll(struct endpoint_word *word,
                                                             uint32_t *time);

/* Copies the features of the clip around the word, MYNA_FEATURE_BYTES. */
void myna_utterance_cut(const struct endpoint_word *word, int8_t *features);

#endif
