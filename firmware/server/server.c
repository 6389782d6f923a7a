/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include "boards/port.h"
#include "protocol/messages.h"
#include "runtime/clips.h"
#include "runtime/listening.h"
#include "runtime/progress.h"
#include "runtime/secret.h"
#include "runtime/state.h"
#include "server/handlers.h"
#include "server/link.h"

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
    {MESSAGE_##NAME, size, tail, REPEAT_##again, myna_handle_##name},
static const struct route routes[] = {MESSAGE_TABLE(ROUTE)};
#undef ROUTE

/* Requests are executed once, in the order of their sequence numbers. */
static struct {
    bool open;         /* HELLO came since power-up */
    bool gap_reported; /* RESEND was sent and what it asked for has not come */
    uint16_t kept;     /* sequence of the answer that the link keeps */
    uint8_t statuses[MESSAGE_IN_FLIGHT];
} session;

static void send_status(uint8_t type, uint8_t status, uint16_t sequence) {
    myna_link_send((uint8_t)(type + MESSAGE_REPLY), status, sequence, "", 0u);
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
    if (myna_secret_forbids(frame->type, &request.fixed)) {
        return STATUS_SECRET;
    }
    return route->handle(&request, reply);
}

static void run(const struct frame *frame) {
    struct reply reply = {.payload = myna_link_payload(), .bytes = 0u};
    enum status status = execute(frame, &reply);
    session.kept = frame->sequence;
    session.statuses[frame->sequence % MESSAGE_IN_FLIGHT] = (uint8_t)status;
    myna_link_answer((uint8_t)(frame->type + MESSAGE_REPLY), (uint8_t)status, frame->sequence,
                     status == STATUS_OK ? reply.bytes : 0u);
}

/* A request that was executed before: its reply got lost, or its bytes came twice. */
static void repeat(const struct frame *frame) {
    const struct route *route = find_route(frame->type);
    uint8_t status = session.statuses[frame->sequence % MESSAGE_IN_FLIGHT];
    myna_link_counters.repeated++;
    if (frame->sequence == session.kept) {
        myna_link_answer_again();
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
        struct message_resend resend = {.expected = myna_link_expected};
        myna_link_send(MESSAGE_RESEND, STATUS_OK, myna_link_expected, &resend, sizeof resend);
        session.gap_reported = true;
    }
}

/* A request outside the order; the answer that is kept stays. */
static void run_aside(const struct frame *frame) {
    uint8_t payload[LINK_SHORT];
    struct reply reply = {.payload = payload, .bytes = 0u};
    enum status status = execute(frame, &reply);
    myna_link_send((uint8_t)(frame->type + MESSAGE_REPLY), (uint8_t)status, frame->sequence,
                   payload, status == STATUS_OK ? reply.bytes : 0u);
}

static bool is_aside(const struct frame *frame) {
    const struct route *route = find_route(frame->type);
    return session.open && route != NULL && route->repeat == REPEAT_ASIDE;
}

/* While a request runs, the host has to send all but these again. */
static void receive_aside(const struct frame *frame) {
    if (is_aside(frame)) {
        run_aside(frame);
    }
}

/* While a request runs, the host is told so, and what may not wait for its end happens. */
static void attend(uint32_t done) {
    struct message_progress progress = {.step = done};
    myna_link_send(MESSAGE_PROGRESS, STATUS_OK, (uint16_t)(myna_link_expected - 1u), &progress,
                   sizeof progress);
    bool is_busy = myna_listen_is_on();
    while (is_busy) {
        is_busy = myna_link_poll(receive_aside);
        is_busy = myna_hear_sound() || is_busy;
    }
}

static void open_session(uint16_t sequence) {
    session.open = true;
    myna_link_expected = sequence;
    memset(session.statuses, STATUS_FORGOTTEN, sizeof session.statuses);
}

static void receive(const struct frame *frame) {
    if (frame->type == MESSAGE_HELLO) {
        open_session(frame->sequence);
    } else if (!session.open) {
        send_status(frame->type, STATUS_NO_SESSION, frame->sequence);
        return;
    }
    if (is_aside(frame)) {
        run_aside(frame);
        return;
    }
    uint16_t age = (uint16_t)(myna_link_expected - frame->sequence);
    if (age == 0u) {
        session.gap_reported = false;
        myna_link_expected++;
        run(frame);
    } else if (age <= MESSAGE_IN_FLIGHT) {
        repeat(frame);
    } else {
        report_gap();
    }
}

void myna_server_init(void) {
    myna_clips_clear(0u);
    myna_state_use(myna_port_nvm());
    myna_state_restore();
    myna_progress_set(attend);
}

bool myna_server_poll(void) {
    bool found = myna_link_poll(receive);
    return myna_hear_sound() || found;
}
