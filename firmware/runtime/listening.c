/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/listening.h"

#include "config.h" /* of the generated model */

#if MYNA_STREAMING && MYNA_FRONT_END
#include "audio/features.h"
#include "kernels/fixed.h"
#include "runtime/detect.h"
#include "runtime/gate.h"
#include "runtime/meter.h"
#include "runtime/model.h"
#include "runtime/recording.h"
#include "runtime/sightings.h"
#include "runtime/stream.h"
#include "runtime/templates.h"

#include <stdatomic.h>
#include <string.h>

#define ROWS 64u    /* of the ring, one of which is being made: 1.26 s */
#define PREROLL 10u /* rows before speech stands out that are heard too: 0.2 s */

struct row {
    uint32_t time; /* samples until it was complete */
    uint8_t level;
    bool follows_loss;
    int8_t features[MYNA_ROW_BYTES];
};

static struct row rows[ROWS];
static _Atomic uint32_t put, taken; /* run freely: their difference is the fill level */

/* of myna_listen_push alone */
static struct {
    struct meter meter;
    uint32_t time, lost;
    bool has_lost; /* since the latest row */
} input;

/* of the thread alone */
static struct {
    struct detect_state detector;
    struct gate gate;
    struct myna_listen_event events[MYNA_LISTEN_EVENTS];
    uint32_t judged; /* rows of which the gate knows; the others behind `taken` wait for it */
    uint32_t decisions, event_count, refractory;
    int32_t step;     /* of training, when the stream began */
    uint16_t version; /* of the templates that the detector's sums are of */
    bool is_gated, is_open;
} hearing;

static _Atomic bool is_on;

void myna_listen_begin(bool gated, uint32_t refractory) {
    myna_listen_end();
    memset(&input, 0, sizeof input);
    memset(&hearing, 0, sizeof hearing);
    hearing.is_gated = gated;
    hearing.is_open = true;
    hearing.refractory = refractory;
    hearing.step = *myna_model.step;
    put = taken = 0u;
    myna_stream_reset();
    is_on = true;
}

void myna_listen_end(void) {
    is_on = false;
}

bool myna_listen_is_on(void) {
    return is_on;
}

/* -- sound -> rows --------------------------------------------------------------------------- */

static void lose(uint32_t samples) {
    input.time += samples;
    input.lost += samples;
    input.has_lost = true;
    myna_meter_reset(&input.meter);
    myna_stream_reset_features();
}

/* A row is complete, at the end of the ring; where this has no room it is made anew. */
static void put_row(struct row *row) {
    if (put - taken == ROWS - 1u) {
        input.lost += MYNA_AUDIO_HOP;
        input.has_lost = true;
        return;
    }
    row->time = input.time;
    row->level = input.meter.level;
    row->follows_loss = input.has_lost;
    input.has_lost = false;
    put++;
}

void myna_listen_push(const int16_t *pcm, uint32_t count, uint32_t time) {
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
        struct row *row = &rows[put % ROWS];
        bool ready;
        uint32_t some = myna_stream_features(pcm + known, count - known, row->features, &ready);
        myna_meter_push(&input.meter, pcm + known, some);
        input.time += some;
        known += some;
        if (ready) {
            put_row(row);
        }
    }
}

/* -- rows -> words --------------------------------------------------------------------------- */

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
static void begin_where_it_must(const struct row *row) {
    bool is_changed = MYNA_BODY_TRAINED && hearing.step != *myna_model.step;
    if (row->follows_loss || is_changed) {
        myna_stream_reset_rows();
        hearing.step = *myna_model.step;
    }
    if (hearing.version != myna_templates_version) {
        memset(&hearing.detector, 0, sizeof hearing.detector);
        hearing.version = myna_templates_version;
    }
}

static void hear(const struct row *row) {
    begin_where_it_must(row);
    if (myna_stream_row(row->features) && myna_model.center != NULL) {
        decide(row->time);
    }
}

/* While the gate is open a row is heard as soon as it was judged; while it is closed some wait. */
bool myna_listen_poll(void) {
    if (!is_on) {
        return false;
    }
    if (hearing.is_open && taken != hearing.judged) {
        hear(&rows[taken % ROWS]);
        taken++;
        return true;
    }
    if (hearing.judged == put) {
        return false;
    }
    bool speech = myna_gate_push(&hearing.gate, rows[hearing.judged % ROWS].level, hangover());
    hearing.is_open = speech || !hearing.is_gated;
    hearing.judged++;
    if (!hearing.is_open && hearing.judged - taken > PREROLL) {
        taken++;
    }
    return true;
}

struct myna_listen_status myna_listen_status(void) {
    return (struct myna_listen_status){
        .samples = input.time,
        .lost = input.lost,
        .decisions = hearing.decisions,
        .events = hearing.event_count,
        .level = input.meter.level,
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
void myna_listen_push(const int16_t *pcm, uint32_t count, uint32_t time) {
    (void)pcm;
    (void)count;
    (void)time;
}

bool myna_listen_poll(void) {
    return false;
}

bool myna_listen_is_on(void) {
    return false;
}
#endif
