/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include "boards/port.h"
#include "runtime/model.h"
#include "storage/storage.h"

#include <string.h>

struct state_info state_info;

void state_reset(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    state_info.is_incomplete = false;
    state_info.is_stored = false;
}

bool state_is_usable(void) {
    return *myna_model.classes >= 1 && *myna_model.classes <= myna_model.max_classes;
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
    return (struct storage_owner){myna_model.fingerprint, myna_model.abi, myna_model.state_bytes};
}

void state_restore(void) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    state_reset();
    state_info.stored = to_status(storage_load(port_nvm(), &self, myna_model.state, &entry));
    if (state_info.stored != STATUS_OK) {
        return;
    }
    if (!state_is_usable()) {
        state_reset();
        state_info.stored = STATUS_BAD_STATE;
        return;
    }
    state_info.sequence = entry.sequence;
    state_info.is_stored = true;
}

enum status state_save(struct message_state_saved *saved) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    if (state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    enum status status = to_status(storage_save(port_nvm(), &self, myna_model.state, &entry));
    if (status == STATUS_OK) {
        *saved = (struct message_state_saved){.sequence = entry.sequence, .slot = entry.slot};
        state_info.sequence = entry.sequence;
        state_info.stored = STATUS_OK;
    }
    return status;
}

enum status state_erase(void) {
    const struct storage_owner self = owner();
    enum status status = to_status(storage_erase(port_nvm(), &self));
    if (status == STATUS_OK) {
        state_info.sequence = 0u;
        state_info.stored = STATUS_NOTHING_STORED;
    }
    return status;
}
