/* SPDX-License-Identifier: Apache-2.0 */
/* The takes of a word, as embeddings; twin of toolchain/myna/learn/takes.py */
#ifndef MYNA_TAKES_H
#define MYNA_TAKES_H

#include "runtime/clips.h"

#include <stdint.h>

/* Sums the embeddings of a class's clips into the model's embedding_total; returns how many. */
int32_t myna_takes_sum(uint32_t class);

/* The clip in a slot if it is one of the class; otherwise NULL. */
const struct clip *myna_takes_at(uint32_t slot, uint32_t class);

/* The cosine of the take last embedded with the sum of the others, in 1/127; `takes` in all. */
int8_t myna_takes_agreement(int32_t takes);

#endif
