/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stream.h"

#include "config.h" /* of the generated model */

#if MYNA_STREAMING
#include "audio/features.h"
#include "runtime/model.h"

#include <string.h>

static struct myna_audio_state audio;
static struct {
    uint16_t rows;  /* that wait for the next step */
    uint16_t steps; /* of the warm-up */
} stream;

void myna_stream_reset_rows(void) {
    memset(myna_streaming.kept, 0, myna_streaming.kept_bytes);
    memset(&stream, 0, sizeof stream);
}

void myna_stream_reset(void) {
    myna_audio_reset(&audio);
    myna_stream_reset_rows();
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
        taken += myna_audio_push(&audio, myna_model.audio, pcm + taken, count - taken, next_row(),
                                 &ready);
        if (ready)
            *due = advance();
    }
    return taken;
}

bool myna_stream_row(const int8_t *row) {
    memcpy(next_row(), row, myna_streaming.row_bytes);
    return advance();
}

void myna_stream_embedding(int16_t *embedding) {
    for (uint32_t i = 0u; i < myna_model.embedding_size; i++)
        embedding[i] = (int16_t)(myna_streaming.embedding[i] - myna_model.embedding_zero);
}

static uint32_t rows_bytes(void) {
    return (uint32_t)myna_streaming.period * myna_streaming.row_bytes;
}

void myna_stream_save(uint8_t *copy) {
    memcpy(copy, &stream, sizeof stream);
    memcpy(copy + sizeof stream, myna_streaming.rows, rows_bytes());
    memcpy(copy + sizeof stream + rows_bytes(), myna_streaming.kept, myna_streaming.kept_bytes);
}

void myna_stream_restore(const uint8_t *copy) {
    memcpy(&stream, copy, sizeof stream);
    memcpy(myna_streaming.rows, copy + sizeof stream, rows_bytes());
    memcpy(myna_streaming.kept, copy + sizeof stream + rows_bytes(), myna_streaming.kept_bytes);
}
#endif
