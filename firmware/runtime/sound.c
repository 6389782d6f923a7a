/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sound.h"

#include "config.h" /* of the generated model */

#if MYNA_FRONT_END
#include "audio/features.h"
#include "kernels/fixed.h"
#include "runtime/meter.h"
#include "runtime/model.h"

#include <stdatomic.h>
#include <string.h>

#define ROWS 64u /* of the ring, one of which is being made: 1.26 s */

static struct sound_row rows[ROWS];
static _Atomic uint32_t put, taken; /* run freely: their difference is the fill level */
static _Atomic bool is_on;
static struct myna_audio_state audio;

/* of myna_sound_push alone */
static struct {
    struct meter meter;
    uint32_t time, lost;
    bool has_lost; /* since the latest row */
} input;

void myna_sound_begin(void) {
    myna_sound_end();
    memset(&input, 0, sizeof input);
    myna_audio_reset(&audio);
    put = taken = 0u;
    is_on = true;
}

void myna_sound_end(void) {
    is_on = false;
}

bool myna_sound_is_on(void) {
    return is_on;
}

static void lose(uint32_t samples) {
    input.time += samples;
    input.lost += samples;
    input.has_lost = true;
    myna_meter_reset(&input.meter);
    myna_audio_reset(&audio);
}

/* A row is complete, at the end of the ring; where this has no room it is made anew. */
static void put_row(struct sound_row *row) {
    if (put - taken == ROWS - 1u) {
        input.lost += MYNA_AUDIO_HOP;
        input.has_lost = true;
        return;
    }
    row->time = input.time;
    row->level = input.meter.level;
    row->clipped = fx_minu32(input.meter.clipped, 127u) & 127u;
    row->follows_loss = input.has_lost;
    input.has_lost = false;
    input.meter.clipped = 0u;
    put = put + 1u; /* not put++: some cores cannot do both at once, and nobody else writes it */
}

void myna_sound_push(const int16_t *pcm, uint32_t count, uint32_t time) {
    uint32_t ahead = time - input.time, known = 0u;
    if (!is_on) {
        return;
    }
    if (ahead > 0u && ahead <= INT32_MAX) {
        lose(ahead);
    } else {
        known = fx_minu32(0u - ahead, count);
    }
    while (known < count) {
        struct sound_row *row = &rows[put % ROWS];
        bool ready;
        uint32_t some = myna_audio_push(&audio, myna_model.audio, pcm + known, count - known,
                                        row->features, &ready);
        myna_meter_push(&input.meter, pcm + known, some);
        input.time += some;
        known += some;
        if (ready) {
            put_row(row);
        }
    }
}

uint32_t myna_sound_waiting(void) {
    return put - taken;
}

const struct sound_row *myna_sound_row(uint32_t number) {
    return &rows[(taken + number) % ROWS];
}

void myna_sound_drop(void) {
    taken = taken + 1u;
}

uint32_t myna_sound_samples(void) {
    return input.time;
}

uint32_t myna_sound_lost(void) {
    return input.lost;
}

uint8_t myna_sound_level(void) {
    return input.meter.level;
}
#endif
