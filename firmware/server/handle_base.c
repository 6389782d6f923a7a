/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that tell only the difference to a state which host and board both know. */
#include "runtime/base.h"

#include "runtime/arena.h"
#include "runtime/codec.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/state.h"
#include "server/handlers.h"

#include <string.h>

/* The difference in the arena, while one lies there. */
static struct {
    uint32_t bytes;
    bool is_update; /* of this board, to be read; otherwise the host's, to be applied */
} difference;

/* Makes room for a difference. */
static void begin(bool is_update) {
    myna_arena_take(ARENA_DIFFERENCE);
    difference.is_update = is_update;
    difference.bytes = 0u;
}

static bool is_there(bool is_update) {
    return myna_arena_use == ARENA_DIFFERENCE && difference.is_update == is_update;
}

static enum status check_base(void) {
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    return myna_base_is_set ? STATUS_OK : STATUS_NO_BASE;
}

enum status myna_handle_base_set(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    return myna_base_set() ? STATUS_OK : STATUS_NO_BASE;
}

enum status myna_handle_unsent_swap(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    enum status status = check_base();
    if (status == STATUS_OK) {
        myna_base_swap();
        myna_listen_start_over();
    }
    return status;
}

enum status myna_handle_difference_write(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t offset = request->fixed.piece.offset;
    if (offset == 0u) {
        begin(false);
    }
    if (!is_there(false)) {
        return STATUS_NOT_STARTED;
    }
    if (offset != difference.bytes ||
        !range_inside(offset, request->tail_bytes, myna_model.arena_bytes)) {
        return STATUS_BAD_RANGE;
    }
    memcpy(myna_model.arena + offset, request->tail, request->tail_bytes);
    difference.bytes += request->tail_bytes;
    return STATUS_OK;
}

enum status myna_handle_difference_apply(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    static const enum status statuses[] = {
        [CODEC_OK] = STATUS_OK,
        [CODEC_OTHER] = STATUS_BAD_CRC,
        [CODEC_DAMAGED] = STATUS_BAD_REQUEST,
    };
    enum status status = check_base();
    if (status != STATUS_OK) {
        return status;
    }
    if (!is_there(false)) {
        return STATUS_NOT_STARTED;
    }
    myna_arena_take(ARENA_MODEL);
    myna_listen_start_over();
    uint8_t *blocks[] = {myna_base, myna_model.state, myna_unsent};
    return statuses[myna_codec_apply(myna_model.arena, difference.bytes, blocks, 3u)];
}

enum status myna_handle_update_make(const struct request *request, struct reply *reply) {
    uint32_t budget = request->fixed.update_make.budget;
    enum status status = check_base();
    if (status != STATUS_OK) {
        return status;
    }
    if (budget > myna_model.arena_bytes || budget < myna_codec_least()) {
        return STATUS_BAD_RANGE;
    }
    begin(true);
    struct private_tensors private = {request->tail, request->tail_bytes};
    myna_base_owe(private);
    myna_listen_start_over();
    uint32_t bytes = myna_codec_encode(myna_model.arena, budget, private, myna_base, myna_unsent);
    difference.bytes = bytes;
    struct message_update_made made = {.length = bytes};
    uint32_t room = FRAME_MAX_PAYLOAD - (uint32_t)sizeof made;
    myna_reply_put(reply, &made, sizeof made);
    myna_reply_put(reply, myna_model.arena, bytes < room ? bytes : room);
    return STATUS_OK;
}

enum status myna_handle_update_read(const struct request *request, struct reply *reply) {
    const struct message_range *range = &request->fixed.range;
    if (!is_there(true)) {
        return STATUS_NOT_STARTED;
    }
    return myna_reply_range(reply, myna_model.arena, difference.bytes, range->offset,
                            range->length);
}
