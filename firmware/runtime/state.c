/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/secret.h"
#include "runtime/templates.h"
#include "storage/storage.h"

#include <string.h>

#define LEAST_MANTISSA (1 << 30) /* of a pair that is not zero */

struct state_info myna_state_info;
static const struct myna_nvm *storage; /* NULL: none */

void myna_state_use(const struct myna_nvm *nvm) {
    storage = nvm;
}

void myna_state_reset(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_state_info.is_incomplete = false;
    myna_state_info.is_stored = false;
    myna_listen_start_over();
    myna_secret_forget();
    myna_templates_clear(0u);
}

static bool is_inside(const struct myna_bound *bound, const uint8_t *at) {
    int32_t words[2];
    if (bound->form == MYNA_INT8) {
        int8_t byte;
        memcpy(&byte, at, sizeof byte);
        return byte >= bound->low && byte <= bound->high;
    }
    memcpy(words, at, bound->form == MYNA_PAIR ? sizeof words : sizeof words[0]);
    if (bound->form == MYNA_INT32) {
        return words[0] >= bound->low && words[0] <= bound->high;
    }
    if (words[0] == 0 && words[1] == 0) {
        return bound->low == 0;
    }
    return words[0] >= LEAST_MANTISSA && words[1] >= -bound->high && words[1] <= bound->high;
}

bool myna_state_is_usable(void) {
    static const uint8_t sizes[] = {[MYNA_INT8] = 1u, [MYNA_INT32] = 4u, [MYNA_PAIR] = 8u};
    for (uint32_t i = 0u; i < myna_model.bound_count; i++) {
        const struct myna_bound *bound = &myna_model.state_bounds[i];
        for (uint32_t element = 0u; element < bound->count; element++) {
            if (!is_inside(bound,
                           myna_model.state + bound->offset + element * sizes[bound->form])) {
                return false;
            }
        }
    }
    return true;
}

static enum status to_status(enum storage_status outcome) {
    static const enum status statuses[] = {
        [STORAGE_OK] = STATUS_OK,
        [STORAGE_NONE] = STATUS_NO_STORAGE,
        [STORAGE_EMPTY] = STATUS_NOTHING_STORED,
        [STORAGE_OTHER_MODEL] = STATUS_OTHER_MODEL,
        [STORAGE_TOO_SMALL] = STATUS_STORAGE_TOO_SMALL,
        [STORAGE_FAILED] = STATUS_STORAGE_FAILED,
    };
    return statuses[outcome];
}

static struct storage_owner owner(void) {
    return (struct storage_owner){
        .fingerprint = myna_model.fingerprint,
        .abi = myna_model.abi,
        .state_bytes = myna_model.kept_bytes,
        .word_bytes = myna_templates_bytes,
    };
}

/* All that is in use, with so many bytes of clips. */
static struct storage_data in_use(uint32_t clip_bytes) {
    return (struct storage_data){
        .state = myna_model.state,
        .words = myna_templates_memory(),
        .has_words = myna_templates_are_any(),
        .clips = myna_clips_memory(),
        .clip_bytes = clip_bytes,
    };
}

/* Makes what was stored the state, the words and the clips in use. */
static enum status load(enum storage_age age, struct storage_entry *entry) {
    const struct storage_owner self = owner();
    struct storage_data data = in_use(myna_clips_bytes);
    enum status status = to_status(myna_storage_load(storage, &self, age, &data, entry));
    if (status != STATUS_OK) {
        return status;
    }
    myna_listen_start_over();
    bool has_words = myna_templates_restore(), has_clips = myna_clips_restore(data.clip_bytes);
    if (!has_words || !has_clips || !myna_state_is_usable() || !myna_secret_restore()) {
        myna_clips_clear(0u);
        myna_state_reset();
        return STATUS_BAD_STATE;
    }
    myna_state_info.is_stored = true;
    myna_state_info.is_incomplete = false;
    return STATUS_OK;
}

void myna_state_restore(void) {
    struct storage_entry entry;
    myna_state_reset();
    myna_state_info.stored = load(STORAGE_NEWEST, &entry);
    if (myna_state_info.stored == STATUS_OK) {
        myna_state_info.sequence = entry.sequence;
    }
}

enum status myna_state_undo(void) {
    struct storage_entry entry;
    enum status status = load(STORAGE_BEFORE, &entry);
    if (status == STATUS_BAD_STATE) {
        myna_state_restore();
    }
    if (status == STATUS_OK) { /* what was computed may tell a codeword that is another one now */
        myna_arena_take(ARENA_MODEL);
        memset(myna_model.arena, 0, myna_model.arena_bytes);
    }
    return status;
}

enum status myna_state_save(struct message_state_saved *saved) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    const struct storage_data data = in_use(myna_clips_extent());
    enum status status = to_status(myna_storage_save(storage, &self, &data, &entry));
    if (status == STATUS_OK) {
        *saved = (struct message_state_saved){.sequence = entry.sequence, .slot = entry.slot};
        myna_state_info.sequence = entry.sequence;
        myna_state_info.stored = STATUS_OK;
    }
    return status;
}

enum status myna_state_erase(void) {
    const struct storage_owner self = owner();
    enum status status = to_status(myna_storage_erase(storage, &self));
    if (status == STATUS_OK) {
        myna_state_info.sequence = 0u;
        myna_state_info.stored = STATUS_NOTHING_STORED;
    }
    return status;
}
