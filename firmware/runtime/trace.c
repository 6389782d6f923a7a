/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/trace.h"

#include "runtime/crc32.h"
#include "runtime/handlers.h"
#include "runtime/model.h"

#include <stddef.h>
#include <string.h>

#define CAPACITY (sizeof trace_scratch.digests / sizeof *trace_scratch.digests)

union trace_scratch trace_scratch;

static struct trace_options active;
static uint16_t kept;      /* digests in the scratch memory */
static uint16_t last_node; /* that ran */

void trace_wipe(void) {
    memset(&trace_scratch, 0, sizeof trace_scratch);
    kept = 0u;
}

static uint16_t output_count(void) {
    const struct myna_node *last = &myna_model.nodes[myna_model.node_count - 1u];
    return (uint16_t)(last->first + last->count);
}

static bool visit(uint16_t index) {
    const struct myna_node *node = &myna_model.nodes[index];
    for (uint16_t i = node->first; active.digests && i < node->first + node->count; i++) {
        const struct myna_output *output = &myna_model.outputs[i];
        trace_scratch.digests[i] = crc32_update(0u, output->data, output->bytes);
        kept = (uint16_t)(i + 1u);
    }
    last_node = index;
    return index != active.stop_after;
}

enum status trace_run(void (*run)(myna_trace_fn trace), struct trace_options options,
                      bool *stopped) {
    *stopped = false;
    if (!options.digests && options.stop_after == MESSAGE_NO_NODE) {
        run(NULL);
        return STATUS_OK;
    }
    if (output_count() > CAPACITY) {
        return STATUS_TRACE_TOO_LONG;
    }
    if (options.digests) {
        audio_abort();
        trace_wipe();
    }
    active = options;
    run(visit);
    *stopped = last_node == options.stop_after;
    return STATUS_OK;
}

enum status handle_trace_read(const struct request *request, struct reply *reply) {
    uint16_t first = request->fixed.trace_read.first;
    if (first > kept) {
        return STATUS_BAD_RANGE;
    }
    struct message_trace_reply head = {.total = kept};
    reply_put(reply, &head, sizeof head);
    uint32_t left = (uint32_t)(kept - first) * sizeof(uint32_t);
    uint32_t room = (FRAME_MAX_PAYLOAD - reply->bytes) / sizeof(uint32_t) * sizeof(uint32_t);
    reply_put(reply, &trace_scratch.digests[first], left < room ? left : room);
    return STATUS_OK;
}

enum status handle_tensor_read(const struct request *request, struct reply *reply) {
    const struct message_tensor_read *read = &request->fixed.tensor_read;
    if (read->output >= output_count()) {
        return STATUS_BAD_RANGE;
    }
    const struct myna_output *output = &myna_model.outputs[read->output];
    return reply_range(reply, output->data, output->bytes, read->offset, read->length);
}
