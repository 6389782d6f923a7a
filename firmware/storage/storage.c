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
    uint32_t fingerprint, abi; /* of the owner */
    uint32_t length;           /* of the data */
    uint32_t data_crc;
    uint32_t header_crc; /* of the fields above */
};

/* The state follows the header, and clips follow the state, if there are any, each at a multiple of
   every program unit; what lies between is erased. */
#define DATA_AT MYNA_NVM_MAX_PROGRAM_BYTES
_Static_assert(sizeof(struct header) <= DATA_AT, "the header lies in front of the data");

/* What the slots hold; NO_SLOT where there is none. */
struct survey {
    struct header headers[SLOTS];
    uint32_t newest; /* slot of the newest state of any model */
    uint32_t own;    /* slot of the newest state of this one, */
    uint32_t before; /* and of the one before it */
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

/* Where clips lie behind a state's beginning. */
static uint32_t clips_at(const struct storage_owner *owner) {
    return (owner->state_bytes + DATA_AT - 1u) / DATA_AT * DATA_AT;
}

static bool is_own(const struct header *header, const struct storage_owner *owner) {
    return header->fingerprint == owner->fingerprint && header->abi == owner->abi &&
           (header->length == owner->state_bytes || header->length > clips_at(owner));
}

/* Reads a slot's header; whether the slot is intact. */
static bool read_slot(const struct myna_nvm *nvm, uint32_t slot, struct header *header) {
    const uint8_t *memory = nvm->memory + slot * slot_bytes(nvm);
    memcpy(header, memory, sizeof *header);
    return header->magic == MAGIC && header->header_crc == header_crc(header) &&
           fits(nvm, header->length) &&
           header->data_crc == myna_crc32_update(0u, memory + DATA_AT, header->length);
}

static uint32_t newer_slot(const struct survey *found, uint32_t slot, uint32_t other) {
    bool newer =
        other == NO_SLOT || is_newer(found->headers[slot].sequence, found->headers[other].sequence);
    return newer ? slot : other;
}

static struct survey look(const struct myna_nvm *nvm, const struct storage_owner *owner) {
    struct survey found = {.newest = NO_SLOT, .own = NO_SLOT, .before = NO_SLOT};
    assert(nvm->bytes % (SLOTS * nvm->erase_bytes) == 0u);
    assert(DATA_AT % nvm->program_bytes == 0u);
    for (uint32_t slot = 0u; slot < SLOTS; slot++) {
        if (read_slot(nvm, slot, &found.headers[slot])) {
            found.newest = newer_slot(&found, slot, found.newest);
            if (is_own(&found.headers[slot], owner)) {
                uint32_t other = found.own;
                found.own = newer_slot(&found, slot, other);
                found.before = found.own == slot ? other : slot;
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

/* Copies `length` bytes that a slot holds. */
static void copy(const uint8_t *slot, const struct storage_owner *owner, uint32_t length,
                 struct storage_data *data) {
    uint32_t at = clips_at(owner), behind = length > at ? length - at : 0u;
    data->clip_bytes = behind < data->clip_bytes ? behind : data->clip_bytes;
    memcpy(data->state, slot + DATA_AT, owner->state_bytes);
    memcpy(data->clips, slot + DATA_AT + at, data->clip_bytes);
}

enum storage_status myna_storage_load(const struct myna_nvm *nvm, const struct storage_owner *owner,
                                      enum storage_age age, struct storage_data *data,
                                      struct storage_entry *entry) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    struct survey found = look(nvm, owner);
    uint32_t slot = age == STORAGE_NEWEST ? found.own : found.before;
    if (slot == NO_SLOT) {
        return found.newest == NO_SLOT || found.own != NO_SLOT ? STORAGE_EMPTY
                                                               : STORAGE_OTHER_MODEL;
    }
    copy(nvm->memory + slot * slot_bytes(nvm), owner, found.headers[slot].length, data);
    entry->sequence = found.headers[slot].sequence;
    entry->slot = slot;
    return STORAGE_OK;
}

static uint32_t length_of(const struct storage_owner *owner, const struct storage_data *data) {
    return data->clip_bytes > 0u ? clips_at(owner) + data->clip_bytes : owner->state_bytes;
}

/* As it is read back from flash: with ones where nothing is programmed. */
static uint32_t crc_of(const struct storage_owner *owner, const struct storage_data *data) {
    static const uint8_t erased = 0xFFu;
    uint32_t crc = myna_crc32_update(0u, data->state, owner->state_bytes);
    for (uint32_t at = owner->state_bytes; data->clip_bytes > 0u && at < clips_at(owner); at++) {
        crc = myna_crc32_update(crc, &erased, sizeof erased);
    }
    return myna_crc32_update(crc, data->clips, data->clip_bytes);
}

/* Fills an erased slot that begins at `start`, the header last. */
static bool fill(const struct myna_nvm *nvm, uint32_t start, const struct header *header,
                 const struct storage_owner *owner, const struct storage_data *data) {
    uint32_t state_at = start + DATA_AT;
    return program(nvm, state_at, data->state, owner->state_bytes) &&
           program(nvm, state_at + clips_at(owner), data->clips, data->clip_bytes) &&
           program(nvm, start, header, sizeof *header);
}

enum storage_status myna_storage_save(const struct myna_nvm *nvm, const struct storage_owner *owner,
                                      const struct storage_data *data,
                                      struct storage_entry *entry) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    if (!fits(nvm, length_of(owner, data))) {
        return STORAGE_TOO_SMALL;
    }
    struct survey found = look(nvm, owner);
    uint32_t slot = spare_slot(&found);
    struct header header = {
        .magic = MAGIC,
        .sequence = found.newest == NO_SLOT ? 1u : found.headers[found.newest].sequence + 1u,
        .fingerprint = owner->fingerprint,
        .abi = owner->abi,
        .length = length_of(owner, data),
        .data_crc = crc_of(owner, data),
    };
    header.header_crc = header_crc(&header);
    if (!erase(nvm, slot, DATA_AT + header.length) ||
        !fill(nvm, slot * slot_bytes(nvm), &header, owner, data)) {
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
