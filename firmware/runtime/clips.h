/* SPDX-License-Identifier: Apache-2.0 */
/* The clips to learn from, kept as features: no sample of sound is stored. */
#ifndef MYNA_CLIPS_H
#define MYNA_CLIPS_H

#include "config.h" /* of the generated model */

#include <stdbool.h>
#include <stdint.h>

/* It is saved as it is: another layout is another MYNA_MODEL_ABI. */
struct clip {
    int8_t features[MYNA_FEATURE_BYTES];
    uint16_t latents; /* which of its latents are made, a bit each; see runtime/latents.c */
    uint16_t filled;  /* bytes of features that have arrived */
    uint16_t label;
    bool stored;  /* complete and labelled */
    bool guessed; /* the label is the device's own, not the user's */
};

extern const uint32_t myna_clips_bytes;

/* Forgets the clips of classes from `lowest` on; 0: everything in all slots. */
void myna_clips_clear(uint32_t lowest);

/* Forgets the clips of class `label`; those of class `last` are of `label` from then on. */
void myna_clips_remove(uint32_t label, uint32_t last);

/* Stores a complete clip under a label, the user's or guessed. */
void myna_clips_store(struct clip *clip, uint16_t label, bool guessed);

/* Bytes of all slots up to the last one that stores a clip, and where they begin: what is saved. */
uint32_t myna_clips_extent(void);
uint8_t *myna_clips_memory(void);

/* Makes clips of so many bytes that came back to their place; the other slots are empty. False if
   these are none. */
__attribute__((warn_unused_result)) bool myna_clips_restore(uint32_t bytes);

/* Empties the slot of a clip, whose features stay. */
void myna_clips_drop(struct clip *clip);

/* Forgets the latents of all variations, as what they are made of changes. */
void myna_clips_forget_variations(void);

/* The clip in a slot, stored or not; NULL if there is no such slot. */
struct clip *myna_clips_at(uint32_t slot);

/* The clip in a slot; NULL unless it is stored. */
const struct clip *myna_clips_stored(uint32_t slot);

/* Writes the slots of all stored clips, ascending, and returns their number. */
uint32_t myna_clips_list(uint16_t slots[MYNA_MAX_CLIPS]);

#endif
