/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that read and write the model's state, and keep it over a power failure. */
#include "runtime/base.h"
#include "runtime/crc32.h"
#include "runtime/heard.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/state.h"
#include "server/handlers.h"

#include <string.h>

static struct {
    bool writing;  /* between STATE_BEGIN and STATE_COMMIT; the state is incomplete then */
    uint32_t crc;  /* promised by STATE_BEGIN */
    uint32_t next; /* offset of the piece that must come now */
} upload;

enum status myna_handle_state_reset(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    upload.writing = false;
    myna_base_is_set = false;
    myna_state_reset();
    return STATUS_OK;
}

enum status myna_handle_state_begin(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_state_begin *begin = &request->fixed.state_begin;
    if (begin->model_abi != myna_model.abi || begin->fingerprint != myna_model.fingerprint ||
        begin->length != myna_model.state_bytes) {
        return STATUS_OTHER_MODEL;
    }
    myna_state_info.is_incomplete = true;
    upload.writing = true;
    myna_state_info.is_stored = false;
    upload.crc = begin->crc;
    upload.next = 0u;
    return STATUS_OK;
}

enum status myna_handle_state_write(const struct request *request, struct reply *reply) {
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

enum status myna_handle_state_commit(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    if (!upload.writing) {
        return STATUS_NOT_STARTED;
    }
    if (upload.next != myna_model.state_bytes) {
        return STATUS_DATA_MISSING;
    }
    if (myna_crc32_update(0u, myna_model.state, myna_model.state_bytes) != upload.crc) {
        return STATUS_BAD_CRC;
    }
    if (!myna_state_is_usable()) {
        return STATUS_BAD_STATE;
    }
    upload.writing = false;
    myna_state_info.is_incomplete = false;
    myna_listen_start_over();
    return STATUS_OK;
}

enum status myna_handle_state_read(const struct request *request, struct reply *reply) {
    const struct message_range *range = &request->fixed.range;
    return myna_reply_range(reply, myna_model.state, myna_model.state_bytes, range->offset,
                            range->length);
}

enum status myna_handle_state_patch(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t offset = request->fixed.piece.offset;
    uint8_t before[FRAME_MAX_PAYLOAD];
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    if (!range_inside(offset, request->tail_bytes, myna_model.state_bytes)) {
        return STATUS_BAD_RANGE;
    }
    memcpy(before, myna_model.state + offset, request->tail_bytes);
    memcpy(myna_model.state + offset, request->tail, request->tail_bytes);
    if (!myna_state_is_usable()) {
        memcpy(myna_model.state + offset, before, request->tail_bytes);
        return STATUS_BAD_STATE;
    }
    myna_listen_start_over();
    return STATUS_OK;
}

enum status myna_handle_state_save(const struct request *request, struct reply *reply) {
    (void)request;
    struct message_state_saved saved;
    enum status status = myna_state_save(&saved);
    if (status == STATUS_OK) {
        myna_reply_put(reply, &saved, sizeof saved);
    }
    return status;
}

enum status myna_handle_state_undo(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    int32_t classes = *myna_model.classes;
    enum status status = myna_state_undo();
    if (status == STATUS_OK) {
        myna_heard_clear(*myna_model.classes == classes ? MYNA_NO_CLASS : 0u);
        upload.writing = false;
        myna_base_is_set = false;
    }
    return status;
}

enum status myna_handle_state_erase(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    return myna_state_erase();
}
