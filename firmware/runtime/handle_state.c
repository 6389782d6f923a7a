/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that read and write the model's state. */
#include "runtime/crc32.h"
#include "runtime/handlers.h"
#include "runtime/model.h"

#include <string.h>

static struct {
    bool incomplete;
    bool writing;  /* between STATE_BEGIN and STATE_COMMIT */
    uint32_t crc;  /* promised by STATE_BEGIN */
    uint32_t next; /* offset of the piece that must come now */
} upload;

void state_reset(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    upload.incomplete = false;
    upload.writing = false;
    stored_state.is_running = false;
}

bool state_is_incomplete(void) {
    return upload.incomplete;
}

void state_spoil(void) {
    upload.incomplete = true;
}

bool state_is_usable(void) {
    return *myna_model.classes >= 1 && *myna_model.classes <= myna_model.max_classes;
}

enum status handle_state_reset(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    state_reset();
    return STATUS_OK;
}

enum status handle_state_begin(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_state_begin *begin = &request->fixed.state_begin;
    if (begin->model_abi != myna_model.abi || begin->fingerprint != myna_model.fingerprint ||
        begin->length != myna_model.state_bytes) {
        return STATUS_OTHER_MODEL;
    }
    upload.incomplete = true;
    upload.writing = true;
    stored_state.is_running = false;
    upload.crc = begin->crc;
    upload.next = 0u;
    return STATUS_OK;
}

enum status handle_state_write(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t offset = request->fixed.piece.offset;
    if (!upload.writing) {
        return STATUS_NOT_STARTED;
    }
    if (offset != upload.next ||
        !range_inside(offset, request->tail_bytes, myna_model.state_bytes)) {
        return STATUS_BAD_RANGE;
    }
    memcpy(myna_model.state + offset, request->tail, request->tail_bytes);
    upload.next = offset + request->tail_bytes;
    return STATUS_OK;
}

enum status handle_state_commit(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    if (!upload.writing) {
        return STATUS_NOT_STARTED;
    }
    if (upload.next != myna_model.state_bytes) {
        return STATUS_DATA_MISSING;
    }
    if (crc32_update(0u, myna_model.state, myna_model.state_bytes) != upload.crc) {
        return STATUS_BAD_CRC;
    }
    if (!state_is_usable()) {
        return STATUS_BAD_STATE;
    }
    upload.writing = false;
    upload.incomplete = false;
    return STATUS_OK;
}

enum status handle_state_read(const struct request *request, struct reply *reply) {
    const struct message_range *range = &request->fixed.range;
    return reply_range(reply, myna_model.state, myna_model.state_bytes, range->offset,
                       range->length);
}

enum status handle_state_patch(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t offset = request->fixed.piece.offset;
    uint8_t before[FRAME_MAX_PAYLOAD];
    if (upload.incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    if (!range_inside(offset, request->tail_bytes, myna_model.state_bytes)) {
        return STATUS_BAD_RANGE;
    }
    memcpy(before, myna_model.state + offset, request->tail_bytes);
    memcpy(myna_model.state + offset, request->tail, request->tail_bytes);
    if (!state_is_usable()) {
        memcpy(myna_model.state + offset, before, request->tail_bytes);
        return STATUS_BAD_STATE;
    }
    return STATUS_OK;
}
