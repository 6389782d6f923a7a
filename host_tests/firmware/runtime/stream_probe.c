/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the server (linked with --wrap): takes samples in whatever pieces they arrive, and
   answers with the logits whenever there are new ones. */
#include "boards/port.h"
#include "runtime/model.h"
#include "runtime/stream.h"
#include "server/server.h"

#include <string.h>

void __wrap_myna_server_init(void);
bool __wrap_myna_server_poll(void);

static union {
    int16_t pcm[512];
    uint8_t bytes[1024];
} piece;
static size_t received;

void __wrap_myna_server_init(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_stream_reset();
}

bool __wrap_myna_server_poll(void) {
    const size_t count = myna_port_read(&piece.bytes[received], sizeof piece.bytes - received);
    received += count;
    uint32_t taken = 0u, samples = (uint32_t)(received / 2u);
    while (taken < samples) {
        bool due;
        taken += myna_stream_push(piece.pcm + taken, samples - taken, &due);
        if (due)
            myna_port_write((const uint8_t *)myna_streaming.logits, myna_model.logit_count);
    }
    received -= 2u * samples;
    memmove(piece.bytes, &piece.bytes[2u * samples], received);
    return count > 0u;
}
