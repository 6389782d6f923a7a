/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the board itself. */
#include "boards/port.h"
#include "runtime/arena.h"
#include "runtime/base.h"
#include "runtime/clips.h"
#include "runtime/heard.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/state.h"
#include "server/handlers.h"
#include "server/link.h"
#include "server/trace.h"

#include <string.h>

static void copy_text(char *field, uint32_t size, const char *text) {
    size_t length = strlen(text);
    memcpy(field, text, length < size ? length : size);
}

enum status myna_handle_hello(const struct request *request, struct reply *reply) {
    const struct myna_model *model = &myna_model;
    struct message_hello_reply hello = {
        .nonce = request->fixed.hello.nonce,
        .protocol = PROTOCOL_ABI,
        .model_abi = model->abi,
        .fingerprint = model->fingerprint,
        .state_bytes = model->state_bytes,
        .arena_bytes = model->arena_bytes,
        .rx_window = (uint32_t)myna_port_rx_window(),
        .max_classes = model->max_classes,
        .frames = model->frames,
        .coefficients = model->coefficients,
        .max_clips = MYNA_MAX_CLIPS,
        .infer_nodes = model->infer_nodes,
        .node_count = model->node_count,
        .label_bytes = (uint16_t)strlen(model->labels),
        .option_bytes = (uint16_t)strlen(model->options),
        .names_offset = model->names_offset,
        .name_bytes = model->name_bytes,
        .max_payload = FRAME_MAX_PAYLOAD,
    };
    copy_text(hello.model, sizeof hello.model, model->name);
    copy_text(hello.board, sizeof hello.board, myna_port_name);
    myna_arena_end_sound();
    myna_reply_put(reply, &hello, sizeof hello);
    return STATUS_OK;
}

enum status myna_handle_status(const struct request *request, struct reply *reply) {
    (void)request;
    uint16_t slots[MYNA_MAX_CLIPS];
    struct message_status_reply status = {
        .step = (uint32_t)*myna_model.step,
        .classes = (uint32_t)*myna_model.classes,
        .frames_received = myna_link_counters.received,
        .frames_damaged = myna_link_counters.damaged,
        .requests_repeated = myna_link_counters.repeated,
        .stack_bytes = myna_port_stack_size(),
        .stack_high_water = myna_port_stack_high_water(),
        .clip_bytes = myna_clips_bytes + myna_latents_bytes + myna_heard_bytes,
        .buffer_bytes = myna_link_buffer_bytes + myna_trace_bytes +
                        (uint32_t)(sizeof myna_base + sizeof myna_unsent),
        .clips = (uint16_t)myna_clips_list(slots),
        .state_incomplete = myna_state_info.is_incomplete,
        .storage = (uint16_t)myna_state_info.stored,
        .stored_sequence = myna_state_info.sequence,
        .state_from_storage = myna_state_info.is_stored,
    };
    myna_reply_put(reply, &status, sizeof status);
    return STATUS_OK;
}

static enum status reply_text(const char *text, const struct request *request,
                              struct reply *reply) {
    const struct message_range *range = &request->fixed.range;
    return myna_reply_range(reply, text, (uint32_t)strlen(text), range->offset, range->length);
}

enum status myna_handle_labels(const struct request *request, struct reply *reply) {
    return reply_text(myna_model.labels, request, reply);
}

enum status myna_handle_options(const struct request *request, struct reply *reply) {
    return reply_text(myna_model.options, request, reply);
}
