/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/link.h"

#include "boards/port.h"
#include "protocol/messages.h"

#include <stddef.h>
#include <string.h>

static struct frame_decoder decoder;
static uint8_t answer[FRAME_BUFFER(FRAME_MAX_PAYLOAD)];
static uint32_t answer_bytes;

struct link_counters link_counters;
uint16_t link_expected;
const uint32_t link_buffer_bytes = sizeof decoder + sizeof answer;

bool link_poll(void (*take)(const struct frame *frame)) {
    uint8_t bytes[64];
    size_t count = port_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        struct frame frame;
        switch (frame_decode(&decoder, bytes[i], &frame)) {
        case FRAME_READY:
            link_counters.received++;
            take(&frame);
            break;
        case FRAME_DAMAGED:
            link_counters.damaged++;
            break;
        case FRAME_NONE:
            break;
        }
    }
    return count > 0u;
}

uint8_t *link_payload(void) {
    return &answer[FRAME_PAYLOAD_AT];
}

void link_answer(uint8_t type, uint8_t status, uint16_t sequence, uint32_t bytes) {
    answer_bytes = frame_encode(answer, type, status, sequence, bytes);
    link_answer_again();
}

void link_answer_again(void) {
    port_write(answer, answer_bytes);
}

void link_send(uint8_t type, uint8_t status, uint16_t sequence, const void *payload,
               uint32_t bytes) {
    uint8_t buffer[FRAME_BUFFER(sizeof(uint32_t))];
    memcpy(&buffer[FRAME_PAYLOAD_AT], payload, bytes);
    port_write(buffer, frame_encode(buffer, type, status, sequence, bytes));
}

void link_progress(uint32_t step) {
    struct message_progress progress = {.step = step};
    link_send(MESSAGE_PROGRESS, STATUS_OK, (uint16_t)(link_expected - 1u), &progress,
              sizeof progress);
}
