/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/storage.h"

#include "runtime/crc32.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SLOTS 2u
#define MAGIC 0x314E594Du /* "MYN1": version of the layout */
#define NO_SLOT SLOTS

/* At the start of a slot, programmed last: what stands here was completely written. */
struct header {
    uint32_t magic;
    uint32_t sequence;
    struct storage_owner owner;
    uint32_t data_crc;
    uint32_t header_crc; /* of the fields above */
};

/* The state follows the header, at a multiple of every program unit. */
#define DATA_AT MYNA_NVM_MAX_PROGRAM_BYTES
_Static_assert(sizeof(struct header) <= DATA_AT, "the header lies in front of the data");

/* What the slots hold; NO_SLOT where there is none. */
struct survey {
    struct header headers[SLOTS];
    uint32_t newest; /* slot of the newest state of any model */
    uint32_t own;    /* slot of the newest state of this one */
};

static uint32_t slot_bytes(const struct myna_nvm *nvm) {
    return nvm->bytes / SLOTS;
}

static bool fits(const struct myna_nvm *nvm, uint32_t length) {
    return length <= slot_bytes(nvm) - DATA_AT;
}

static uint32_t header_crc(const struct header *header) {
    return myna_crc32_update(0u, header, offsetof(struct header, header_crc));
}

/* Sequence numbers wrap: the newer of two is less than half of all numbers ahead. */
static bool is_newer(uint32_t sequence, uint32_t other) {
    return sequence - other - 1u < INT32_MAX;
}

static bool is_same(const struct storage_owner *one, const struct storage_owner *other) {
    return one->fingerprint == other->fingerprint && one->abi == other->abi &&
           one->length == other->length;
}

/* Reads a slot's header; whether the slot is intact. */
static bool read_slot(const struct myna_nvm *nvm, uint32_t slot, struct header *header) {
    const uint8_t *memory = nvm->memory + slot * slot_bytes(nvm);
    memcpy(header, memory, sizeof *header);
    return header->magic == MAGIC && header->header_crc == header_crc(header) &&
           fits(nvm, header->owner.length) &&
           header->data_crc == myna_crc32_update(0u, memory + DATA_AT, header->owner.length);
}

static uint32_t newer_slot(const struct survey *found, uint32_t slot, uint32_t other) {
    bool newer =
        other == NO_SLOT || is_newer(found->headers[slot].sequence, found->headers[other].sequence);
    return newer ? slot : other;
}

static struct survey look(const struct myna_nvm *nvm, const struct storage_owner *owner) {
    struct survey found = {.newest = NO_SLOT, .own = NO_SLOT};
    assert(nvm->bytes % (SLOTS * nvm->erase_bytes) == 0u);
    assert(DATA_AT % nvm->program_bytes == 0u);
    for (uint32_t slot = 0u; slot < SLOTS; slot++) {
        if (read_slot(nvm, slot, &found.headers[slot])) {
            found.newest = newer_slot(&found, slot, found.newest);
            if (is_same(&found.headers[slot].owner, owner)) {
                found.own = newer_slot(&found, slot, found.own);
            }
        }
    }
    return found;
}

/* The slot that may be lost: never this model's newest; of other models' states the older. */
static uint32_t spare_slot(const struct survey *found) {
    uint32_t kept = found->own != NO_SLOT ? found->own : found->newest;
    return kept == 0u ? 1u : 0u;
}

/* Erases the first `count` bytes of a slot, rounded up to erase units; the header goes first. */
static bool erase(const struct myna_nvm *nvm, uint32_t slot, uint32_t count) {
    for (uint32_t done = 0u; done < count; done += nvm->erase_bytes) {
        if (!nvm->erase(slot * slot_bytes(nvm) + done)) {
            return false;
        }
    }
    return true;
}

/* Programs and verifies; the last unit is filled up with ones, which change nothing. */
static bool program(const struct myna_nvm *nvm, uint32_t offset, const void *data, uint32_t count) {
    const uint8_t *bytes = data;
    uint32_t whole = count - count % nvm->program_bytes;
    uint8_t rest[MYNA_NVM_MAX_PROGRAM_BYTES];
    if (whole > 0u && !nvm->program(offset, bytes, whole)) {
        return false;
    }
    if (whole < count) {
        memset(rest, 0xFF, sizeof rest);
        memcpy(rest, bytes + whole, count - whole);
        if (!nvm->program(offset + whole, rest, nvm->program_bytes)) {
            return false;
        }
    }
    return memcmp(nvm->memory + offset, data, count) == 0;
}

enum storage_status myna_storage_load(const struct myna_nvm *nvm, const struct storage_owner *owner,
                                      uint8_t *state, struct storage_entry *entry) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    struct survey found = look(nvm, owner);
    if (found.own == NO_SLOT) {
        return found.newest == NO_SLOT ? STORAGE_EMPTY : STORAGE_OTHER_MODEL;
    }
    memcpy(state, nvm->memory + found.own * slot_bytes(nvm) + DATA_AT, owner->length);
    entry->sequence = found.headers[found.own].sequence;
    entry->slot = found.own;
    return STORAGE_OK;
}

enum storage_status myna_storage_save(const struct myna_nvm *nvm, const struct storage_owner *owner,
                                      const uint8_t *state, struct storage_entry *entry) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    if (!fits(nvm, owner->length)) {
        return STORAGE_TOO_SMALL;
    }
    struct survey found = look(nvm, owner);
    uint32_t slot = spare_slot(&found);
    uint32_t start = slot * slot_bytes(nvm);
    struct header header = {
        .magic = MAGIC,
        .sequence = found.newest == NO_SLOT ? 1u : found.headers[found.newest].sequence + 1u,
        .owner = *owner,
        .data_crc = myna_crc32_update(0u, state, owner->length),
    };
    header.header_crc = header_crc(&header);
    if (!erase(nvm, slot, DATA_AT + owner->length) ||
        !program(nvm, start + DATA_AT, state, owner->length) ||
        !program(nvm, start, &header, sizeof header)) {
        return STORAGE_FAILED;
    }
    entry->sequence = header.sequence;
    entry->slot = slot;
    return STORAGE_OK;
}

static bool is_blank(const struct myna_nvm *nvm) {
    uint8_t all = 0xFFu;
    for (uint32_t i = 0u; i < nvm->bytes; i++) {
        all &= nvm->memory[i];
    }
    return all == 0xFFu;
}

enum storage_status myna_storage_erase(const struct myna_nvm *nvm,
                                       const struct storage_owner *owner) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    struct survey found = look(nvm, owner);
    uint32_t first = spare_slot(&found);
    bool erased = erase(nvm, first, slot_bytes(nvm)) && erase(nvm, 1u - first, slot_bytes(nvm));
    return erased && is_blank(nvm) ? STORAGE_OK : STORAGE_FAILED;
}
