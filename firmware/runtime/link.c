/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/link.h"

#include "boards/port.h"
#include "protocol/messages.h"

#include <stddef.h>
#include <string.h>

static struct frame_decoder decoder;
static uint8_t answer[FRAME_BUFFER(FRAME_MAX_PAYLOAD)];
static uint32_t answer_bytes;

struct link_counters myna_link_counters;
uint16_t myna_link_expected;
const uint32_t myna_link_buffer_bytes = sizeof decoder + sizeof answer;

bool myna_link_poll(void (*take)(const struct frame *frame)) {
    uint8_t bytes[64];
    size_t count = myna_port_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        struct frame frame;
        switch (myna_frame_decode(&decoder, bytes[i], &frame)) {
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
    return count > 0u;
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
    uint8_t buffer[FRAME_BUFFER(sizeof(uint32_t))];
    memcpy(&buffer[FRAME_PAYLOAD_AT], payload, bytes);
    myna_port_write(buffer, myna_frame_encode(buffer, type, status, sequence, bytes));
}

void myna_link_progress(uint32_t step) {
    struct message_progress progress = {.step = step};
    myna_link_send(MESSAGE_PROGRESS, STATUS_OK, (uint16_t)(myna_link_expected - 1u), &progress,
                   sizeof progress);
}
