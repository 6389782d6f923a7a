/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trace.h"

#include "config.h" /* of the generated model */
#include "runtime/arena.h"
#include "runtime/crc32.h"
#include "runtime/model.h"
#include "server/handlers.h"

#include <stddef.h>

static struct trace_options active;
static uint32_t digests[MYNA_OUTPUTS];
static uint16_t kept;      /* of them */
static uint16_t last_node; /* that ran */
const uint32_t myna_trace_bytes = sizeof digests;

static bool visit(uint16_t index) {
    const struct myna_node *node = &myna_model.nodes[index];
    for (uint16_t i = node->first; active.digests && i < node->first + node->count; i++) {
        const struct myna_output *output = &myna_model.outputs[i];
        digests[i] = myna_crc32_update(0u, output->data, output->bytes);
        kept = (uint16_t)(i + 1u);
    }
    last_node = index;
    return index != active.stop_after;
}

bool myna_trace_run(void (*run)(myna_trace_fn trace), struct trace_options options) {
    if (!options.digests && options.stop_after == MESSAGE_NO_NODE) {
        run(NULL);
        return false;
    }
    active = options;
    run(visit);
    return last_node == options.stop_after;
}

enum status myna_handle_trace_read(const struct request *request, struct reply *reply) {
    uint16_t first = request->fixed.trace_read.first;
    if (first > kept) {
        return STATUS_BAD_RANGE;
    }
    struct message_trace_reply head = {.total = kept};
    myna_reply_put(reply, &head, sizeof head);
    uint32_t left = (uint32_t)(kept - first) * sizeof(uint32_t);
    uint32_t room = (FRAME_MAX_PAYLOAD - reply->bytes) / sizeof(uint32_t) * sizeof(uint32_t);
    myna_reply_put(reply, &digests[first], left < room ? left : room);
    return STATUS_OK;
}

enum status myna_handle_tensor_read(const struct request *request, struct reply *reply) {
    const struct message_tensor_read *read = &request->fixed.tensor_read;
    if (read->output >= MYNA_OUTPUTS) {
        return STATUS_BAD_RANGE;
    }
    myna_arena_take(ARENA_MODEL);
    const struct myna_output *output = &myna_model.outputs[read->output];
    return myna_reply_range(reply, output->data, output->bytes, read->offset, read->length);
}
