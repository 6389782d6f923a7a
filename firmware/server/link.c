/* SPDX-License-Identifier: Apache-2.0 */
#include "server/link.h"

#include "boards/port.h"
#include "protocol/messages.h"

#include <stddef.h>
#include <string.h>

static struct frame_decoder decoder;
static struct {
    uint8_t bytes[64];
    size_t count, taken;
} received;
static uint8_t answer[FRAME_BUFFER(FRAME_MAX_PAYLOAD)];
static uint32_t answer_bytes;

struct link_counters myna_link_counters;
uint16_t myna_link_expected;
const uint32_t myna_link_buffer_bytes = sizeof decoder + sizeof answer + sizeof received;

bool myna_link_poll(void (*take)(const struct frame *frame)) {
    if (received.taken == received.count) {
        received.count = myna_port_read(received.bytes, sizeof received.bytes);
        received.taken = 0u;
    }
    const bool any = received.count > 0u;
    while (received.taken < received.count) { /* `take` may come here, and take what follows */
        struct frame frame;
        switch (myna_frame_decode(&decoder, received.bytes[received.taken++], &frame)) {
        case FRAME_READY:
            myna_link_counters.received++;
            take(&frame);
            break;
        case FRAME_DAMAGED:
            myna_link_counters.damaged++;
            break;
        case FRAME_NONE:
            break;
        }
    }
    return any;
}

uint8_t *myna_link_payload(void) {
    return &answer[FRAME_PAYLOAD_AT];
}

void myna_link_answer(uint8_t type, uint8_t status, uint16_t sequence, uint32_t bytes) {
    answer_bytes = myna_frame_encode(answer, type, status, sequence, bytes);
    myna_link_answer_again();
}

void myna_link_answer_again(void) {
    myna_port_write(answer, answer_bytes);
}

void myna_link_send(uint8_t type, uint8_t status, uint16_t sequence, const void *payload,
                    uint32_t bytes) {
    uint8_t buffer[FRAME_BUFFER(LINK_SHORT)];
    memcpy(&buffer[FRAME_PAYLOAD_AT], payload, bytes);
    myna_port_write(buffer, myna_frame_encode(buffer, type, status, sequence, bytes));
}
