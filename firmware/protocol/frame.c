/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/frame.h"

#include "runtime/crc32.h"

#include <assert.h>
#include <string.h>

#define BLOCK 254u /* most bytes behind one code byte */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are copied as they are");

static void append(struct frame_decoder *decoder, uint8_t byte) {
    if (decoder->length == FRAME_MAX_RAW) {
        decoder->overrun = true;
    } else {
        decoder->raw[decoder->length++] = byte;
    }
}

static bool is_intact(const struct frame_decoder *decoder) {
    if (decoder->overrun || decoder->left != 0u || decoder->length < FRAME_HEADER + FRAME_CRC) {
        return false;
    }
    uint32_t body = decoder->length - FRAME_CRC;
    uint32_t expected;
    memcpy(&expected, &decoder->raw[body], sizeof expected);
    return myna_crc32_update(0u, decoder->raw, body) == expected;
}

static enum frame_event finish(struct frame_decoder *decoder, struct frame *frame) {
    enum frame_event event = FRAME_NONE;
    if (decoder->begun) {
        event = is_intact(decoder) ? FRAME_READY : FRAME_DAMAGED;
    }
    if (event == FRAME_READY) {
        frame->type = decoder->raw[0];
        frame->status = decoder->raw[1];
        memcpy(&frame->sequence, &decoder->raw[2], sizeof frame->sequence);
        frame->payload = &decoder->raw[FRAME_HEADER];
        frame->payload_bytes = decoder->length - FRAME_HEADER - FRAME_CRC;
    }
    decoder->length = 0u;
    decoder->left = 0u;
    decoder->zero_follows = false;
    decoder->begun = false;
    decoder->overrun = false;
    return event;
}

enum frame_event myna_frame_decode(struct frame_decoder *decoder, uint8_t byte,
                                   struct frame *frame) {
    if (byte == 0u) {
        return finish(decoder, frame);
    }
    decoder->begun = true;
    if (decoder->left > 0u) {
        append(decoder, byte);
        decoder->left--;
        return FRAME_NONE;
    }
    if (decoder->zero_follows) {
        append(decoder, 0u);
    }
    decoder->left = (uint8_t)(byte - 1u);
    decoder->zero_follows = byte != BLOCK + 1u;
    return FRAME_NONE;
}

/*
 * COBS from buffer + FRAME_LEAD down to buffer. In place: with k full blocks behind it, the byte
 * at raw position p goes to p + k + 1, and p + k + 1 <= p + FRAME_LEAD because k < FRAME_LEAD.
 */
static uint32_t stuff(uint8_t *buffer, uint32_t count) {
    const uint8_t *raw = buffer + FRAME_LEAD;
    uint32_t code_at = 0u;
    uint32_t out = 1u;
    for (uint32_t in = 0u; in < count; in++) {
        if (raw[in] != 0u) {
            buffer[out++] = raw[in];
        }
        bool full = out - code_at == BLOCK + 1u && raw[in] != 0u && in + 1u < count;
        if (raw[in] == 0u || full) {
            buffer[code_at] = (uint8_t)(out - code_at);
            code_at = out++;
        }
    }
    buffer[code_at] = (uint8_t)(out - code_at);
    buffer[out++] = 0u;
    return out;
}

uint32_t myna_frame_encode(uint8_t *buffer, uint8_t type, uint8_t status, uint16_t sequence,
                           uint32_t payload_bytes) {
    assert(payload_bytes <= FRAME_MAX_PAYLOAD);
    uint8_t *raw = buffer + FRAME_LEAD;
    raw[0] = type;
    raw[1] = status;
    memcpy(&raw[2], &sequence, sizeof sequence);
    uint32_t crc = myna_crc32_update(0u, raw, FRAME_HEADER + payload_bytes);
    memcpy(&raw[FRAME_HEADER + payload_bytes], &crc, sizeof crc);
    return stuff(buffer, FRAME_HEADER + payload_bytes + FRAME_CRC);
}
