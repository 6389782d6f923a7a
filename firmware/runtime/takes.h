/* SPDX-License-Identifier: Apache-2.0 */
/* The takes of a word, as embeddings; twin of toolchain/myna/learn/takes.py */
#ifndef MYNA_TAKES_H
#define MYNA_TAKES_H

#include <stdint.h>

/* Sums the embeddings of a class's clips into the model's embedding_total; returns how many. */
int32_t myna_takes_sum(uint32_t class);

#endif
