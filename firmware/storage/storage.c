/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/storage.h"

#include "runtime/crc32.h"
#include "storage/program.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SLOTS 2u
#define MAGIC 0x324E594Du /* "MYN2": version of the layout */
#define NO_SLOT SLOTS
#define PARTS 3u /* state, words, clips */

/* At the start of a slot, programmed last: what stands here was completely written. */
struct header {
    uint32_t magic;
    uint32_t sequence;
    uint32_t fingerprint, abi; /* of the owner */
    uint32_t length;           /* of the data, */
    uint32_t word_bytes;       /* and among them of words */
    uint32_t data_crc;
    uint32_t header_crc; /* of the fields above */
};

/* The state follows the header, then words and clips, if there are any, each at a multiple of every
   program unit; what lies between is erased. */
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

static uint32_t round_up(uint32_t bytes) {
    return (bytes + DATA_AT - 1u) / DATA_AT * DATA_AT;
}

/* Where clips lie, behind so many bytes of words, which lie behind the state. */
static uint32_t clips_at(const struct storage_owner *owner, uint32_t word_bytes) {
    return round_up(owner->state_bytes) + round_up(word_bytes);
}

/* Of the data without clips. */
static uint32_t least_length(const struct storage_owner *owner, uint32_t word_bytes) {
    return word_bytes > 0u ? round_up(owner->state_bytes) + word_bytes : owner->state_bytes;
}

static bool is_own(const struct header *header, const struct storage_owner *owner) {
    return header->fingerprint == owner->fingerprint && header->abi == owner->abi &&
           header->word_bytes <= header->length &&
           (header->length == least_length(owner, header->word_bytes) ||
            header->length > clips_at(owner, header->word_bytes));
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

/* Copies what a slot holds; words of another size are of a firmware that listened otherwise. */
static void copy(const uint8_t *slot, const struct header *header,
                 const struct storage_owner *owner, struct storage_data *data) {
    uint32_t at = clips_at(owner, header->word_bytes);
    uint32_t behind = header->length > at ? header->length - at : 0u;
    data->clip_bytes = behind < data->clip_bytes ? behind : data->clip_bytes;
    data->has_words = owner->word_bytes > 0u && header->word_bytes == owner->word_bytes;
    memcpy(data->state, slot + DATA_AT, owner->state_bytes);
    memcpy(data->clips, slot + DATA_AT + at, data->clip_bytes);
    if (data->has_words) {
        memcpy(data->words, slot + DATA_AT + round_up(owner->state_bytes), owner->word_bytes);
    } else if (owner->word_bytes > 0u) {
        memset(data->words, 0, owner->word_bytes);
    }
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
    copy(nvm->memory + slot * slot_bytes(nvm), &found.headers[slot], owner, data);
    entry->sequence = found.headers[slot].sequence;
    entry->slot = slot;
    return STORAGE_OK;
}

/* A part of the data, `at` bytes behind their beginning. */
struct part {
    const uint8_t *bytes;
    uint32_t at, count;
};

static void lay_out(const struct storage_owner *owner, const struct storage_data *data,
                    uint32_t word_bytes, struct part parts[PARTS]) {
    parts[0] = (struct part){data->state, 0u, owner->state_bytes};
    parts[1] = (struct part){data->words, round_up(owner->state_bytes), word_bytes};
    parts[2] = (struct part){data->clips, clips_at(owner, word_bytes), data->clip_bytes};
}

/* As they are read back from flash: with ones where nothing is programmed. */
static uint32_t crc_of(const struct part parts[PARTS]) {
    static const uint8_t erased = 0xFFu;
    uint32_t crc = 0u, end = 0u;
    for (uint32_t i = 0u; i < PARTS; i++) {
        for (; parts[i].count > 0u && end < parts[i].at; end++) {
            crc = myna_crc32_update(crc, &erased, sizeof erased);
        }
        crc = myna_crc32_update(crc, parts[i].bytes, parts[i].count);
        end += parts[i].count;
    }
    return crc;
}

/* Fills an erased slot that begins at `start`, the header last. */
static bool fill(const struct myna_nvm *nvm, uint32_t start, const struct header *header,
                 const struct part parts[PARTS]) {
    bool good = true;
    for (uint32_t i = 0u; i < PARTS && good; i++) {
        good = parts[i].count == 0u ||
               myna_nvm_program(nvm, start + DATA_AT + parts[i].at, parts[i].bytes, parts[i].count);
    }
    return good && myna_nvm_program(nvm, start, header, sizeof *header);
}

enum storage_status myna_storage_save(const struct myna_nvm *nvm, const struct storage_owner *owner,
                                      const struct storage_data *data,
                                      struct storage_entry *entry) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    const uint32_t word_bytes = data->has_words ? owner->word_bytes : 0u;
    const uint32_t length = data->clip_bytes > 0u ? clips_at(owner, word_bytes) + data->clip_bytes
                                                  : least_length(owner, word_bytes);
    struct part parts[PARTS];
    if (!fits(nvm, length)) {
        return STORAGE_TOO_SMALL;
    }
    struct survey found = look(nvm, owner);
    uint32_t slot = spare_slot(&found);
    lay_out(owner, data, word_bytes, parts);
    struct header header = {
        .magic = MAGIC,
        .sequence = found.newest == NO_SLOT ? 1u : found.headers[found.newest].sequence + 1u,
        .fingerprint = owner->fingerprint,
        .abi = owner->abi,
        .length = length,
        .word_bytes = word_bytes,
        .data_crc = crc_of(parts),
    };
    header.header_crc = header_crc(&header);
    if (!erase(nvm, slot, DATA_AT + header.length) ||
        !fill(nvm, slot * slot_bytes(nvm), &header, parts)) {
        return STORAGE_FAILED;
    }
    entry->sequence = header.sequence;
    entry->slot = slot;
    return STORAGE_OK;
}

enum storage_status myna_storage_erase(const struct myna_nvm *nvm,
                                       const struct storage_owner *owner) {
    if (nvm == NULL) {
        return STORAGE_NONE;
    }
    struct survey found = look(nvm, owner);
    uint32_t first = spare_slot(&found);
    bool erased = erase(nvm, first, slot_bytes(nvm)) && erase(nvm, 1u - first, slot_bytes(nvm));
    return erased && myna_nvm_is_blank(nvm) ? STORAGE_OK : STORAGE_FAILED;
}
