/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/server.h"

#include "boards/port.h"
#include "protocol/frame.h"
#include "protocol/messages.h"
#include "runtime/clips.h"
#include "runtime/handlers.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct route {
    uint8_t type;
    uint8_t fixed_bytes;
    bool has_tail;
    enum repeat repeat;
    handler handle;
};

#define ROUTE(NAME, name, size, tail, again) \
    {MESSAGE_##NAME, size, tail, REPEAT_##again, handle_##name},
static const struct route routes[] = {MESSAGE_TABLE(ROUTE)};
#undef ROUTE

/* Requests are executed once, in the order of their sequence numbers. */
static struct {
    bool open;         /* HELLO came since power-up */
    bool gap_reported; /* RESEND was sent and what it asked for has not come */
    uint16_t expected; /* sequence of the next request */
    uint16_t kept;     /* sequence of the reply in `answer` */
    uint8_t statuses[MESSAGE_IN_FLIGHT];
} session;

static struct frame_decoder decoder;
static uint8_t answer[FRAME_BUFFER(FRAME_MAX_PAYLOAD)];
static uint32_t answer_bytes;

struct server_counters server_counters;
const uint32_t server_buffer_bytes = sizeof decoder + sizeof answer;

void reply_put(struct reply *reply, const void *bytes, uint32_t count) {
    assert(count <= FRAME_MAX_PAYLOAD - reply->bytes);
    memcpy(reply->payload + reply->bytes, bytes, count);
    reply->bytes += count;
}

enum status reply_range(struct reply *reply, const void *thing, uint32_t size, uint32_t offset,
                        uint32_t length) {
    if (length > FRAME_MAX_PAYLOAD - reply->bytes || !range_inside(offset, length, size)) {
        return STATUS_BAD_RANGE;
    }
    reply_put(reply, (const uint8_t *)thing + offset, length);
    return STATUS_OK;
}

/* Sends a frame with at most four bytes of payload, beside the kept answer. */
static void send_small(uint8_t type, uint8_t status, uint16_t sequence, const void *payload,
                       uint32_t bytes) {
    uint8_t buffer[FRAME_BUFFER(sizeof(uint32_t))];
    memcpy(&buffer[FRAME_PAYLOAD_AT], payload, bytes);
    port_write(buffer, frame_encode(buffer, type, status, sequence, bytes));
}

static void send_status(uint8_t type, uint8_t status, uint16_t sequence) {
    send_small((uint8_t)(type + MESSAGE_REPLY), status, sequence, "", 0u);
}

void server_progress(uint32_t step) {
    struct message_progress progress = {.step = step};
    send_small(MESSAGE_PROGRESS, STATUS_OK, (uint16_t)(session.expected - 1u), &progress,
               sizeof progress);
}

static const struct route *find_route(uint8_t type) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (routes[i].type == type) {
            return &routes[i];
        }
    }
    return NULL;
}

static enum status execute(const struct frame *frame, struct reply *reply) {
    const struct route *route = find_route(frame->type);
    if (route == NULL) {
        return STATUS_UNKNOWN_MESSAGE;
    }
    if (frame->payload_bytes < route->fixed_bytes ||
        (frame->payload_bytes > route->fixed_bytes && !route->has_tail)) {
        return STATUS_BAD_REQUEST;
    }
    struct request request = {
        .tail = frame->payload + route->fixed_bytes,
        .tail_bytes = frame->payload_bytes - route->fixed_bytes,
    };
    memcpy(&request.fixed, frame->payload, route->fixed_bytes);
    return route->handle(&request, reply);
}

static void run(const struct frame *frame) {
    struct reply reply = {.payload = &answer[FRAME_PAYLOAD_AT], .bytes = 0u};
    enum status status = execute(frame, &reply);
    answer_bytes = frame_encode(answer, (uint8_t)(frame->type + MESSAGE_REPLY), (uint8_t)status,
                                frame->sequence, status == STATUS_OK ? reply.bytes : 0u);
    session.kept = frame->sequence;
    session.statuses[frame->sequence % MESSAGE_IN_FLIGHT] = (uint8_t)status;
    port_write(answer, answer_bytes);
}

/* A request that was executed before: its reply got lost, or its bytes came twice. */
static void repeat(const struct frame *frame) {
    const struct route *route = find_route(frame->type);
    uint8_t status = session.statuses[frame->sequence % MESSAGE_IN_FLIGHT];
    server_counters.repeated++;
    if (frame->sequence == session.kept) {
        port_write(answer, answer_bytes);
    } else if (route == NULL || route->repeat == REPEAT_STATUS || status != STATUS_OK) {
        send_status(frame->type, status, frame->sequence);
    } else if (route->repeat == REPEAT_AGAIN) {
        run(frame);
    } else {
        send_status(frame->type, STATUS_FORGOTTEN, frame->sequence);
    }
}

/* One RESEND per gap: frames behind a lost one arrive in bursts. */
static void report_gap(void) {
    if (!session.gap_reported) {
        struct message_resend resend = {.expected = session.expected};
        send_small(MESSAGE_RESEND, STATUS_OK, session.expected, &resend, sizeof resend);
        session.gap_reported = true;
    }
}

static void open_session(uint16_t sequence) {
    session.open = true;
    session.expected = sequence;
    memset(session.statuses, STATUS_FORGOTTEN, sizeof session.statuses);
}

static void receive(const struct frame *frame) {
    server_counters.received++;
    if (frame->type == MESSAGE_HELLO) {
        open_session(frame->sequence);
    } else if (!session.open) {
        send_status(frame->type, STATUS_NO_SESSION, frame->sequence);
        return;
    }
    uint16_t age = (uint16_t)(session.expected - frame->sequence);
    if (age == 0u) {
        session.gap_reported = false;
        session.expected++;
        run(frame);
    } else if (age <= MESSAGE_IN_FLIGHT) {
        repeat(frame);
    } else {
        report_gap();
    }
}

void server_init(void) {
    clips_clear();
    state_restore();
}

bool server_poll(void) {
    uint8_t bytes[64];
    size_t count = port_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        struct frame frame;
        switch (frame_decode(&decoder, bytes[i], &frame)) {
        case FRAME_READY:
            receive(&frame);
            break;
        case FRAME_DAMAGED:
            server_counters.damaged++;
            break;
        case FRAME_NONE:
            break;
        }
    }
    return count > 0u;
}
