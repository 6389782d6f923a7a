/* SPDX-License-Identifier: Apache-2.0 */
/* Inference, and what came of it. */
#ifndef MYNA_RECOGNIZE_H
#define MYNA_RECOGNIZE_H

#include <stdint.h>

/* Infers a feature map: the model's logits, embedding and similarity are its own then. */
void myna_recognize(const int8_t *features);

/* The same for the clip stored in a slot, and for a memory. */
void myna_recognize_clip(uint32_t slot);
void myna_recognize_memory(uint32_t memory);

/* The class with the largest logit, the first of equals, and by how much it leads (or NULL). */
uint16_t myna_recognize_winner(uint16_t *margin);

/* How many memories are taken for what they are. */
uint16_t myna_recognize_known(void);

/* How many are, but for the classes from `first` on, of which one comes close. */
uint16_t myna_recognize_endangered(uint32_t first);

/* The class that the model takes the clip stored in a slot for. */
uint16_t myna_recognize_class(uint32_t slot);

#endif
