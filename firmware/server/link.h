/* SPDX-License-Identifier: Apache-2.0 */
/* Between the port's bytes and frames: what arrived, the answer that is kept, short frames. */
#ifndef MYNA_LINK_H
#define MYNA_LINK_H

#include "protocol/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define LINK_SHORT 136u /* bytes of an answer that is not kept */

struct link_counters {
    uint32_t received; /* intact frames */
    uint32_t damaged;
    uint32_t repeated; /* requests that had been executed before */
};
extern struct link_counters myna_link_counters;
extern uint16_t myna_link_expected; /* sequence of the next request */
extern const uint32_t myna_link_buffer_bytes;

/* Hands over each intact frame among what the port has received; false if it received nothing. */
__attribute__((warn_unused_result)) bool myna_link_poll(void (*take)(const struct frame *frame));

/* Where the payload of the next answer is put: FRAME_MAX_PAYLOAD bytes. */
uint8_t *myna_link_payload(void);

/* Sends the answer with the first `bytes` of its payload, and keeps it. */
void myna_link_answer(uint8_t type, uint8_t status, uint16_t sequence, uint32_t bytes);

/* Sends the kept answer once more. */
void myna_link_answer_again(void);

/* Sends a frame with a short payload, LINK_SHORT bytes at most; the kept answer stays. */
void myna_link_send(uint8_t type, uint8_t status, uint16_t sequence, const void *payload,
                    uint32_t bytes);

#endif
