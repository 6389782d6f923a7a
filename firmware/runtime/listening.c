/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/listening.h"

#include "config.h" /* of the generated model */

#if MYNA_STREAMING && MYNA_FRONT_END
#include "audio/features.h"
#include "kernels/fixed.h"
#include "runtime/detect.h"
#include "runtime/gate.h"
#include "runtime/model.h"
#include "runtime/sightings.h"
#include "runtime/sound.h"
#include "runtime/stream.h"
#include "runtime/templates.h"

#include <string.h>

static struct {
    struct detect_state detector;
    struct gate gate;
    struct myna_listen_event events[MYNA_LISTEN_EVENTS];
    uint32_t judged; /* rows of those that wait, of which the gate knows */
    uint32_t decisions, event_count, refractory;
    int32_t step;     /* of training, when the stream began */
    uint16_t version; /* of the templates that the detector's sums are of */
    bool is_gated, is_open, is_stale;
} hearing;

void myna_listen_begin(bool gated, uint32_t refractory) {
    myna_listen_end();
    memset(&hearing, 0, sizeof hearing);
    hearing.is_gated = gated;
    hearing.is_open = true;
    hearing.refractory = refractory;
    hearing.step = *myna_model.step;
    myna_stream_reset_rows();
    myna_sound_begin();
}

void myna_listen_end(void) {
    myna_sound_end();
}

bool myna_listen_is_on(void) {
    return myna_sound_is_on();
}

/* rows after which neither stream nor detector know of a sound any more */
static uint16_t hangover(void) {
    return (uint16_t)((myna_streaming.warm_up + 1u + DETECT_SPAN) * myna_streaming.period);
}

static void decide(uint32_t time) {
    const struct detect_rule rule = {
        .center = myna_model.center,
        .foils = myna_streaming.foils,
        .templates = &myna_templates.directions[0][0][0],
        .thresholds = myna_templates.thresholds,
        .rivals = &myna_templates.rivals[0][0][0],
        .period = (uint32_t)myna_streaming.period * MYNA_AUDIO_HOP,
        .refractory = hearing.refractory,
        .inputs = MYNA_EMBEDDING,
        .foil_count = myna_streaming.foil_count,
        .words = myna_templates.count,
        .rival_count = myna_templates.rival_count,
    };
    int16_t embedding[MYNA_EMBEDDING];
    struct detect_event event;
    hearing.decisions++;
    myna_stream_embedding(embedding);
    bool is_event = myna_detect_push(&hearing.detector, &rule, embedding, time, &event);
    bool is_complete = rule.words > 0u && hearing.detector.heard > DETECT_SPAN;
    myna_sightings_push(is_complete ? &event : NULL, is_event);
    if (is_event) {
        hearing.events[hearing.event_count++ % MYNA_LISTEN_EVENTS] =
            (struct myna_listen_event){time, event.score, myna_templates.labels[event.word]};
    }
}

/* What was kept is of no use after a loss, nor once training changed the layers that made it. */
static void begin_where_it_must(const struct sound_row *row) {
    bool is_changed = hearing.is_stale || hearing.step != *myna_model.step;
    if (row->follows_loss || (MYNA_BODY_TRAINED && is_changed)) {
        myna_stream_reset_rows();
        hearing.is_stale = false;
        hearing.step = *myna_model.step;
    }
    if (hearing.version != myna_templates_version) {
        memset(&hearing.detector, 0, sizeof hearing.detector);
        hearing.version = myna_templates_version;
    }
}

void myna_listen_start_over(void) {
    hearing.is_stale = true;
}

static void hear(const struct sound_row *row) {
    begin_where_it_must(row);
    if (myna_stream_row(row->features) && myna_model.center != NULL) {
        decide(row->time);
    }
}

static void drop(void) {
    myna_sound_drop();
    hearing.judged--;
}

/* While the gate is open a row is heard as soon as it was judged; while it is closed some wait. */
bool myna_listen_poll(void) {
    if (!myna_sound_is_on()) {
        return false;
    }
    if (hearing.is_open && hearing.judged > 0u) {
        hear(myna_sound_row(0u));
        drop();
        return true;
    }
    if (hearing.judged == myna_sound_waiting()) {
        return false;
    }
    uint8_t level = myna_sound_row(hearing.judged)->level;
    bool speech = myna_gate_push(&hearing.gate, level, hangover());
    hearing.is_open = speech || !hearing.is_gated;
    hearing.judged++;
    if (!hearing.is_open && hearing.judged > SOUND_PREROLL) {
        drop();
    }
    return true;
}

struct myna_listen_status myna_listen_status(void) {
    return (struct myna_listen_status){
        .samples = myna_sound_samples(),
        .lost = myna_sound_lost(),
        .decisions = hearing.decisions,
        .events = hearing.event_count,
        .level = myna_sound_level(),
        .is_open = hearing.is_open,
    };
}

const struct myna_listen_event *myna_listen_events(void) {
    return hearing.events;
}

const int32_t *myna_listen_scores(void) {
    return hearing.detector.scores;
}
#else
void myna_listen_start_over(void) {}

bool myna_listen_poll(void) {
    return false;
}

bool myna_listen_is_on(void) {
    return false;
}
#endif
