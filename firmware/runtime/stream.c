/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stream.h"

#include "config.h" /* of the generated model */

#if MYNA_STREAMING
#include "audio/features.h"
#include "runtime/model.h"

#include <string.h>

static struct {
    struct myna_audio_state audio;
    uint16_t rows;  /* that wait for the next step */
    uint16_t steps; /* of the warm-up */
} stream;

void myna_stream_reset(void) {
    memset(myna_streaming.kept, 0, myna_streaming.kept_bytes);
    memset(&stream, 0, sizeof stream);
}

static int8_t *next_row(void) {
    return myna_streaming.rows + stream.rows * myna_streaming.row_bytes;
}

/* one more row is there */
static bool advance(void) {
    if (++stream.rows < myna_streaming.period)
        return false;
    stream.rows = 0u;
    myna_streaming.step();
    if (stream.steps == myna_streaming.warm_up)
        return true;
    stream.steps++;
    return false;
}

uint32_t myna_stream_push(const int16_t *pcm, uint32_t count, bool *due) {
    uint32_t taken = 0u;
    *due = false;
    while (taken < count && !*due) {
        bool ready;
        taken += myna_audio_push(&stream.audio, myna_model.audio, pcm + taken, count - taken,
                                 next_row(), &ready);
        if (ready)
            *due = advance();
    }
    return taken;
}

bool myna_stream_row(const int8_t *row) {
    memcpy(next_row(), row, myna_streaming.row_bytes);
    return advance();
}
#endif
