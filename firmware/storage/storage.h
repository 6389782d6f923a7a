/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was learned, kept in two slots of non-volatile memory. Power may fail at any operation:
 * the state saved last, or the one being saved, is what is found afterwards.
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

/* Whose state it is: a stored state is loaded only if all three are the same. */
struct storage_owner {
    uint32_t fingerprint;
    uint32_t abi;
    uint32_t length; /* bytes of the state */
};

/* Where a state is stored. */
struct storage_entry {
    uint32_t sequence; /* one more with every save, modulo 2^32 */
    uint32_t slot;     /* 0 or 1 */
};

/* Copies the newest intact state of this owner to `state`; otherwise changes nothing. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_load(const struct myna_nvm *nvm, const struct storage_owner *owner, uint8_t *state,
                  struct storage_entry *entry);

/* Stores `state`, read in place, beside the newest intact one, and checks what was written. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_save(const struct myna_nvm *nvm, const struct storage_owner *owner,
                  const uint8_t *state, struct storage_entry *entry);

/* Erases everything, the newest state of this owner last: no older one comes back. */
__attribute__((warn_unused_result)) enum storage_status
myna_storage_erase(const struct myna_nvm *nvm, const struct storage_owner *owner);

#endif
