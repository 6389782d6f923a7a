/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the shared library; twin of toolchain/myna/engines/library.py */
#ifndef MYNA_LIBRARY_H
#define MYNA_LIBRARY_H

#include "runtime/model.h"

/* the state block, writable in place */
uint8_t *myna_library_state(uint32_t *bytes);
/* back to the initial state */
void myna_library_reset(void);
void myna_library_infer(const int8_t *features, int8_t *logits);
/* returns the loss before the step (nats, Q16); trace may be NULL */
int32_t myna_library_train_step(const int8_t *features, int32_t label, myna_trace_fn trace);
/* one step on a memory; returns the loss before it */
int32_t myna_library_rehearse(const int8_t *latent, int32_t label);
void myna_library_recall(const int8_t *latent, int8_t *logits);
/* makes myna_library_similarity that of a latent */
void myna_library_compare(const int8_t *latent);
/* what is not trained makes this of features */
void myna_library_encode(const int8_t *features, int8_t *latent);
/* the head's input without its zero point */
void myna_library_embed(const int8_t *features, int32_t *embedding);
/* of what was last inferred to each class (Q15) */
const int32_t *myna_library_similarity(void);
/* of -1 and 1, writable in place; NULL: the model has none */
int8_t *myna_library_codeword(void);
/* starts a class from the sum of the embeddings of its examples */
void myna_library_imprint(int32_t label, const int32_t *total, int32_t shots, int32_t halvings);
/* the voice of a feature map; returns its score for each class (Q15) */
const int32_t *myna_library_score_voice(const int8_t *features, int8_t *voice);
/* output `index` of a node, valid until the next node runs; NULL where there is none */
const void *myna_library_output(uint16_t node, uint16_t index, uint32_t *bytes);

#endif
