/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the device protocol: a pure codec over bytes, twin of toolchain/myna/device/frame.py.
 * A frame is COBS(type u8, status u8, sequence u16, payload, CRC-32) 0x00, little-endian.
 */
#ifndef MYNA_PROTOCOL_FRAME_H
#define MYNA_PROTOCOL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* Version of this layout; messages.h that was made for another one does not compile. */
#define FRAME_VERSION 1

#define FRAME_HEADER 4u
#define FRAME_CRC 4u
#define FRAME_MAX_PAYLOAD 512u
#define FRAME_MAX_RAW (FRAME_HEADER + FRAME_MAX_PAYLOAD + FRAME_CRC)

/* Most code bytes that COBS adds: one per 254 bytes, and one. */
#define FRAME_LEAD (FRAME_MAX_RAW / 254u + 1u)
/* Where the sender puts the payload in its buffer, and how large that buffer is. */
#define FRAME_PAYLOAD_AT (FRAME_LEAD + FRAME_HEADER)
#define FRAME_BUFFER(payload) (FRAME_PAYLOAD_AT + (payload) + FRAME_CRC + 1u)

struct frame {
    uint8_t type;
    uint8_t status;
    uint16_t sequence;
    const uint8_t *payload;
    uint32_t payload_bytes;
};

/* All zero is the initial state. */
struct frame_decoder {
    uint8_t raw[FRAME_MAX_RAW];
    uint32_t length;   /* bytes in raw */
    uint8_t left;      /* bytes until the next code byte */
    bool zero_follows; /* a zero belongs before the next block */
    bool begun;        /* a byte came since the last delimiter */
    bool overrun;      /* more bytes than a frame can have */
};

enum frame_event { FRAME_NONE, FRAME_READY, FRAME_DAMAGED };

/* Takes one received byte. After FRAME_READY, *frame holds until the next call. */
__attribute__((warn_unused_result)) enum frame_event
myna_frame_decode(struct frame_decoder *decoder, uint8_t byte, struct frame *frame);

/*
 * Makes a frame in place around the payload at buffer + FRAME_PAYLOAD_AT; returns its length on
 * the line. The buffer has FRAME_BUFFER(payload_bytes) bytes, payload_bytes <= FRAME_MAX_PAYLOAD.
 */
__attribute__((warn_unused_result)) uint32_t myna_frame_encode(uint8_t *buffer, uint8_t type,
                                                               uint8_t status, uint16_t sequence,
                                                               uint32_t payload_bytes);

#endif
