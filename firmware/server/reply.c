/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include <assert.h>
#include <string.h>

void myna_reply_put(struct reply *reply, const void *bytes, uint32_t count) {
    assert(count <= FRAME_MAX_PAYLOAD - reply->bytes);
    memcpy(reply->payload + reply->bytes, bytes, count);
    reply->bytes += count;
}

enum status myna_reply_range(struct reply *reply, const void *thing, uint32_t size, uint32_t offset,
                             uint32_t length) {
    if (length > FRAME_MAX_PAYLOAD - reply->bytes || !range_inside(offset, length, size)) {
        return STATUS_BAD_RANGE;
    }
    myna_reply_put(reply, (const uint8_t *)thing + offset, length);
    return STATUS_OK;
}
