/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/utterance.h"

#include "config.h" /* of the generated model */

#if MYNA_FRONT_END
#include "runtime/arena.h"
#include "runtime/gate.h"
#include "runtime/model.h"
#include "runtime/sound.h"

#include <string.h>

/* hops of the shortest: a clip is cut out of it, and it is no recording cut to its word */
#define SHORTEST (MYNA_FRAMES > ENDPOINT_SECOND ? MYNA_FRAMES : ENDPOINT_SECOND + 1)

static struct {
    struct gate gate;
    uint32_t judged; /* rows of those that wait, of which the gate knows */
    bool is_open;    /* an utterance is in the arena, unless somebody else took that */
} state;

void myna_utterance_begin(void) {
    memset(&state, 0, sizeof state);
    myna_sound_begin();
}

static void open(void) {
    struct myna_recording *recording = myna_model.recording;
    myna_arena_take(ARENA_SOUND);
    myna_endpoint_reset(&recording->endpoint);
    recording->filled = 0u;
    state.is_open = true;
}

static void add(const struct sound_row *row) {
    struct myna_recording *recording = myna_model.recording;
    struct endpoint *endpoint = &recording->endpoint;
    memcpy(&recording->features[recording->filled], row->features, sizeof row->features);
    recording->filled += sizeof row->features;
    endpoint->level[endpoint->hops++] = row->level;
    endpoint->clipped += row->clipped;
    endpoint->samples =
        endpoint->hops * (uint32_t)MYNA_AUDIO_HOP + MYNA_AUDIO_FRAME - MYNA_AUDIO_HOP;
}

static void drop(void) {
    myna_sound_drop();
    state.judged--;
}

/* What was heard before a loss has a gap behind it. */
static void forget_before(void) {
    while (state.judged > 0u) {
        drop();
    }
    state.is_open = false;
}

/* Adds what waits; whether the utterance is over, as there is speech no more or room. */
static bool go_on(bool speech, uint32_t *time) {
    while (state.judged > 0u) {
        add(myna_sound_row(0u));
        *time = myna_sound_row(0u)->time;
        drop();
    }
    const uint16_t hops = myna_model.recording->endpoint.hops;
    return hops == ENDPOINT_FRAMES || (!speech && hops >= SHORTEST);
}

bool myna_utterance_poll(struct endpoint_word *word, uint32_t *time) {
    state.is_open = state.is_open && myna_arena_use == ARENA_SOUND;
    while (state.judged < myna_sound_waiting()) {
        const struct sound_row *row = myna_sound_row(state.judged);
        const bool speech = myna_gate_push(&state.gate, row->level, UTTERANCE_PAUSE);
        if (row->follows_loss) {
            forget_before();
        }
        state.judged++;
        if (!state.is_open && state.gate.quiet == 0u) {
            open();
        }
        if (state.is_open && go_on(speech, time)) {
            state.is_open = false;
            myna_endpoint_find(&myna_model.recording->endpoint, word);
            return true;
        }
        if (!state.is_open && state.judged > SOUND_PREROLL) {
            drop();
        }
    }
    return false;
}

void myna_utterance_cut(const struct endpoint_word *word, int8_t *features) {
    const struct myna_recording *recording = myna_model.recording;
    uint32_t first = myna_endpoint_first_frame(&recording->endpoint, word, MYNA_FRAMES);
    memcpy(features, &recording->features[first * MYNA_ROW_BYTES], MYNA_FEATURE_BYTES);
}
#endif
