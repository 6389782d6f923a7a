/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler answers. */
#ifndef MYNA_REPLY_H
#define MYNA_REPLY_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

/* The payload of the reply; it travels only if the handler returns STATUS_OK. */
struct reply {
    uint8_t *payload;
    uint32_t bytes;
};

/* Adds bytes to a reply; together they must not exceed FRAME_MAX_PAYLOAD. */
void myna_reply_put(struct reply *reply, const void *bytes, uint32_t count);

/* Adds `length` bytes from `offset` on of a thing that has `size` bytes. */
__attribute__((warn_unused_result)) enum status myna_reply_range(struct reply *reply,
                                                                 const void *thing, uint32_t size,
                                                                 uint32_t offset, uint32_t length);

/* Whether offset … offset + length - 1 lies inside `size` bytes. */
static inline bool range_inside(uint32_t offset, uint32_t length, uint32_t size) {
    return length <= size && offset <= size - length;
}

#endif
