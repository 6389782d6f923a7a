/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that keep the model's state over a power failure, and forget it. */
#include "boards/port.h"
#include "runtime/handlers.h"
#include "runtime/model.h"
#include "storage/storage.h"

struct stored_state stored_state;

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
    stored_state.status = to_status(storage_load(port_nvm(), &self, myna_model.state, &entry));
    if (stored_state.status != STATUS_OK) {
        return;
    }
    if (!state_is_usable()) {
        state_reset();
        stored_state.status = STATUS_BAD_STATE;
        return;
    }
    stored_state.sequence = entry.sequence;
    stored_state.is_running = true;
}

enum status state_save(struct message_state_saved *saved) {
    const struct storage_owner self = owner();
    struct storage_entry entry;
    if (state_is_incomplete()) {
        return STATUS_STATE_INCOMPLETE;
    }
    enum status status = to_status(storage_save(port_nvm(), &self, myna_model.state, &entry));
    if (status == STATUS_OK) {
        *saved = (struct message_state_saved){.sequence = entry.sequence, .slot = entry.slot};
        stored_state.sequence = entry.sequence;
        stored_state.status = STATUS_OK;
    }
    return status;
}

enum status handle_state_save(const struct request *request, struct reply *reply) {
    (void)request;
    struct message_state_saved saved;
    enum status status = state_save(&saved);
    if (status == STATUS_OK) {
        reply_put(reply, &saved, sizeof saved);
    }
    return status;
}

enum status handle_state_erase(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    const struct storage_owner self = owner();
    enum status status = to_status(storage_erase(port_nvm(), &self));
    if (status == STATUS_OK) {
        stored_state.sequence = 0u;
        stored_state.status = STATUS_NOTHING_STORED;
    }
    return status;
}
