/* SPDX-License-Identifier: Apache-2.0 */
/* What executes requests: one function per row of the message table. */
#ifndef MYNA_HANDLERS_H
#define MYNA_HANDLERS_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

struct request {
    union message_request fixed;
    const uint8_t *tail;
    uint32_t tail_bytes;
};

/* The payload of the reply; it travels only if the handler returns STATUS_OK. */
struct reply {
    uint8_t *payload;
    uint32_t bytes;
};

typedef enum status (*handler)(const struct request *request, struct reply *reply);

#define HANDLER(NAME, name, size, tail, repeat) \
    enum status handle_##name(const struct request *request, struct reply *reply);
MESSAGE_TABLE(HANDLER)
#undef HANDLER

/* Adds bytes to a reply; together they must not exceed FRAME_MAX_PAYLOAD. */
void reply_put(struct reply *reply, const void *bytes, uint32_t count);

/* Adds `length` bytes from `offset` on of a thing that has `size` bytes. */
__attribute__((warn_unused_result)) enum status reply_range(struct reply *reply, const void *thing,
                                                            uint32_t size, uint32_t offset,
                                                            uint32_t length);

/* Whether offset … offset + length - 1 lies inside `size` bytes. */
static inline bool range_inside(uint32_t offset, uint32_t length, uint32_t size) {
    return length <= size && offset <= size - length;
}

/* Tells the host that a long request goes on. */
void server_progress(uint32_t step);

struct server_counters {
    uint32_t received; /* intact frames */
    uint32_t damaged;
    uint32_t repeated; /* requests that had been executed before */
};
extern struct server_counters server_counters;
extern const uint32_t server_buffer_bytes;

/* State as built. */
void state_reset(void);
/* State as after power-up: the stored one if there is one, otherwise as built. */
void state_restore(void);
/* Makes the state in use the stored one. */
__attribute__((warn_unused_result)) enum status state_save(struct message_state_saved *saved);
/* Whether the model can run with it; with more classes than rows it would leave its tensors. */
bool state_is_usable(void);
/* Whether it must not be used: a part of it has been written, or a step was stopped half-way. */
bool state_is_incomplete(void);
void state_spoil(void);

struct stored_state {
    enum status status; /* STATUS_OK: a state of this model is stored; otherwise why none is */
    uint32_t sequence;  /* its number */
    bool is_running;    /* the state in use descends from the one found at power-up */
};
extern struct stored_state stored_state;

/* Forgets an upload that has not ended; its slot stays empty. Whoever runs the model, or reads its
   tensors, calls this first: sound lies in the same memory. */
void audio_abort(void);

#endif
