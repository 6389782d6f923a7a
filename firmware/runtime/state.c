/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include "boards/port.h"
#include "runtime/model.h"
#include "runtime/secret.h"
#include "storage/storage.h"

#include <string.h>

#define LEAST_MANTISSA (1 << 30) /* of a pair that is not zero */

struct state_info myna_state_info;

void myna_state_reset(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_state_info.is_incomplete = false;
    myna_state_info.is_stored = false;
    myna_secret_forget();
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
    return (struct storage_owner){myna_model.fingerprint, myna_model.abi, myna_model.kept_bytes};
}

void myna_state_restore(void) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    myna_state_reset();
    myna_state_info.stored =
        to_status(myna_storage_load(myna_port_nvm(), &self, myna_model.state, &entry));
    if (myna_state_info.stored != STATUS_OK) {
        return;
    }
    if (!myna_state_is_usable() || !myna_secret_restore()) {
        myna_state_reset();
        myna_state_info.stored = STATUS_BAD_STATE;
        return;
    }
    myna_state_info.sequence = entry.sequence;
    myna_state_info.is_stored = true;
}

enum status myna_state_save(struct message_state_saved *saved) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    enum status status =
        to_status(myna_storage_save(myna_port_nvm(), &self, myna_model.state, &entry));
    if (status == STATUS_OK) {
        *saved = (struct message_state_saved){.sequence = entry.sequence, .slot = entry.slot};
        myna_state_info.sequence = entry.sequence;
        myna_state_info.stored = STATUS_OK;
    }
    return status;
}

enum status myna_state_erase(void) {
    const struct storage_owner self = owner();
    enum status status = to_status(myna_storage_erase(myna_port_nvm(), &self));
    if (status == STATUS_OK) {
        myna_state_info.sequence = 0u;
        myna_state_info.stored = STATUS_NOTHING_STORED;
    }
    return status;
}
