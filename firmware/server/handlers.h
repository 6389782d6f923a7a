/* SPDX-License-Identifier: Apache-2.0 */
/* What executes requests: one function per row of the message table. */
#ifndef MYNA_HANDLERS_H
#define MYNA_HANDLERS_H

#include "protocol/messages.h"
#include "server/reply.h"

#include <stdbool.h>
#include <stdint.h>

struct request {
    union message_request fixed;
    const uint8_t *tail;
    uint32_t tail_bytes;
};

typedef enum status (*handler)(const struct request *request, struct reply *reply);

#define HANDLER(NAME, name, size, tail, repeat) \
    enum status myna_handle_##name(const struct request *request, struct reply *reply);
MESSAGE_TABLE(HANDLER)
#undef HANDLER

/* myna_listen_poll, but that sound waits while the state is incomplete. */
bool myna_hear_sound(void);

#endif
