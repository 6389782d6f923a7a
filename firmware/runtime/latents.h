/* SPDX-License-Identifier: Apache-2.0 */
/* What stored clips are learned from: what the frozen part of the model makes of them and of their
   variations, made once; twin of toolchain/myna/learn/latents.py. */
#ifndef MYNA_LATENTS_H
#define MYNA_LATENTS_H

#include "protocol/messages.h"

#include <stdint.h>

extern const uint32_t myna_latents_bytes;

/* Gives the model the latent of the clip stored in a slot. */
void myna_latents_feed(uint32_t slot);

/* Gives the model the latent of a variation of it, if variations are asked for and there is speech
   in it: the one of that number, or where none are kept the one of the key. */
void myna_latents_feed_varied(const struct message_learn *options, uint32_t slot, uint32_t number,
                              uint32_t key);

/* Makes what is not made yet of the clips of a class, with all their variations. */
void myna_latents_make(uint32_t label);

#endif
