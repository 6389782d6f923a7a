/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was learned, and what it was learned from, kept in two slots of non-volatile memory. Power
 * may fail at any operation: what was saved last, or is being saved, is found afterwards.
 */
#ifndef MYNA_STORAGE_H
#define MYNA_STORAGE_H

#include "storage/nvm.h"

enum storage_status {
    STORAGE_OK,
    STORAGE_NONE,        /* the board has no non-volatile memory */
    STORAGE_EMPTY,       /* nothing intact is stored */
    STORAGE_OTHER_MODEL, /* what is stored belongs to another model; it stays until overwritten */
    STORAGE_TOO_SMALL,   /* a slot cannot hold the state */
    STORAGE_FAILED,      /* erasing or programming failed; what was saved before is still there */
};

/* Whose state it is: one of another model is not loaded. */
struct storage_owner {
    uint32_t fingerprint;
    uint32_t abi;
    uint32_t state_bytes;
    uint32_t word_bytes; /* of the words that it listens for, if there are any */
};

/* Where in RAM that is which is stored and loaded. */
struct storage_data {
    uint8_t *state; /* [state_bytes] of the owner */
    uint8_t *words; /* [word_bytes] of the owner; loaded as zeros where there are none */
    bool has_words; /* whether these are to be stored */
    uint8_t *clips;
    uint32_t clip_bytes; /* to be stored; to be loaded, at most */
};

/* Where a state is stored. */
struct storage_entry {
    uint32_t sequence; /* one more with every save, modulo 2^32 */
    uint32_t slot;     /* 0 or 1 */
};

enum storage_age {
    STORAGE_NEWEST,
    STORAGE_BEFORE, /* what was saved before the newest */
};

/* Copies what is intact and of this owner to where `data` says, and how many bytes of clips that
   were; otherwise changes nothing. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_load(const struct myna_nvm *nvm, const struct storage_owner *owner,
                  enum storage_age age, struct storage_data *data, struct storage_entry *entry);

/* Stores `data`, read in place, beside the newest that is intact, and checks what was written. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_save(const struct myna_nvm *nvm, const struct storage_owner *owner,
                  const struct storage_data *data, struct storage_entry *entry);

/* Erases everything, the newest of this owner last: nothing older comes back. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_erase(const struct myna_nvm *nvm, const struct storage_owner *owner);

#endif
