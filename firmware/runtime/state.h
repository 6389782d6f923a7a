/* SPDX-License-Identifier: Apache-2.0 */
/* The model's state in use, and the one that is stored. */
#ifndef MYNA_STATE_H
#define MYNA_STATE_H

#include "protocol/messages.h"
#include "storage/nvm.h"

#include <stdbool.h>
#include <stdint.h>

/* Where it is stored from now on; NULL: nowhere. */
void myna_state_use(const struct myna_nvm *nvm);
/* State as built; no word to listen for. */
void myna_state_reset(void);
/* State, words to listen for and clips as after power-up: the stored ones if there are any,
   otherwise as built. */
void myna_state_restore(void);
/* All of it as stored before what is stored now; what there is stays if there is none. */
__attribute__((warn_unused_result)) enum status myna_state_undo(void);
/* Stores what is in use. */
__attribute__((warn_unused_result)) enum status myna_state_save(struct message_state_saved *saved);
/* Forgets what is stored. */
__attribute__((warn_unused_result)) enum status myna_state_erase(void);

/* Whether all values are within the model's bounds; with others it might leave its tensors. */
bool myna_state_is_usable(void);

struct state_info {
    enum status stored; /* STATUS_OK: a state of this model is stored; otherwise why none is */
    uint32_t sequence;  /* number of the stored one */
    bool is_stored;     /* the state in use descends from the one found at power-up */
    bool is_incomplete; /* do not use it: it is partly written, or a step was stopped half-way */
};
extern struct state_info myna_state_info;

#endif
