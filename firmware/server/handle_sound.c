/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to listen all the time, and for which words. */
#include "config.h" /* of the generated model */
#include "kernels/fixed.h"
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/sightings.h"
#include "runtime/sound.h"
#include "runtime/state.h"
#include "runtime/templates.h"
#include "server/handlers.h"
#include "server/link.h"

#include <stddef.h>
#include <string.h>

/* Nobody knows yet whether the network can run with the values of an incomplete state. */
bool myna_hear_sound(void) {
    return !myna_state_info.is_incomplete && myna_listen_poll();
}

#if MYNA_STREAMING && MYNA_FRONT_END
#define CHUNK 64u /* samples aligned and pushed at once */
#define TEMPLATE_BYTES sizeof myna_templates.directions[0]
#define TEMPLATE_PIECE (FRAME_MAX_PAYLOAD - sizeof(struct message_template_read_reply))

struct score {
    uint32_t label;
    int32_t score;
};

struct event {
    uint32_t time;
    int32_t score;
    uint32_t label;
};

_Static_assert(sizeof(struct message_sound_reply) + MYNA_WORDS * sizeof(struct score) +
                       MYNA_LISTEN_EVENTS * sizeof(struct event) <=
                   LINK_SHORT,
               "an answer aside is short");
_Static_assert(TEMPLATE_BYTES <= UINT16_MAX, "TEMPLATE_READ counts in 16 bits");

/* The template of a class, of the clips that the user labelled; returns how many they are. */
static uint16_t add_takes(uint32_t label) {
    uint16_t takes = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        if (clip != NULL && clip->label == label && !clip->guessed) {
            myna_template_add(clip->features);
            myna_progress(slot);
            takes++;
        }
    }
    return takes;
}

enum status myna_handle_template_make(const struct request *request, struct reply *reply) {
    uint32_t label = request->fixed.template_make.label;
    struct message_template_make_reply made;
    if (label >= myna_model.max_classes || myna_model.center == NULL) {
        return STATUS_BAD_LABEL;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    myna_arena_take(ARENA_MODEL);
    myna_template_begin();
    made.takes = add_takes(label);
    if (made.takes == 0u) {
        return STATUS_BAD_SLOT;
    }
    if (!myna_template_end(label, made.takes)) {
        return STATUS_TOO_MANY_WORDS;
    }
    myna_reply_put(reply, &made, sizeof made);
    return STATUS_OK;
}

enum status myna_handle_template_read(const struct request *request, struct reply *reply) {
    const struct message_template_read *read = &request->fixed.template_read;
    uint32_t word = myna_templates_find(read->label);
    if (word == MYNA_WORDS) {
        return STATUS_BAD_LABEL;
    }
    if (read->offset > TEMPLATE_BYTES) {
        return STATUS_BAD_RANGE;
    }
    const struct message_template_read_reply head = {
        .threshold = myna_templates.thresholds[word],
        .rate = myna_templates.rates[word],
        .total = TEMPLATE_BYTES,
        .takes = myna_templates.takes[word],
    };
    myna_reply_put(reply, &head, sizeof head);
    return myna_reply_range(reply, myna_templates.directions[word], TEMPLATE_BYTES, read->offset,
                            fx_minu32(TEMPLATE_BYTES - read->offset, TEMPLATE_PIECE));
}

enum status myna_handle_threshold_set(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_threshold_set *set = &request->fixed.threshold_set;
    uint32_t word = myna_templates_find(set->label);
    if (word == MYNA_WORDS) {
        return STATUS_BAD_LABEL;
    }
    myna_templates.thresholds[word] = set->threshold;
    myna_templates.rates[word] = set->rate;
    return STATUS_OK;
}

enum status myna_handle_sighted(const struct request *request, struct reply *reply) {
    const struct sighting *sighting = myna_sightings_newest(request->fixed.sighted.before);
    struct message_sighted_reply found = {.room = SIGHTINGS, .rivals = myna_templates.rival_count};
    if (sighting != NULL) {
        found.number = sighting->number;
        found.time = sighting->time;
        found.score = sighting->score;
        found.label = sighting->label;
        found.accepted = sighting->accepted;
    }
    myna_reply_put(reply, &found, sizeof found);
    return STATUS_OK;
}

enum status myna_handle_sighting_refuse(const struct request *request, struct reply *reply) {
    (void)reply;
    bool done = myna_sightings_refuse(request->fixed.sighting_refuse.number);
    return done ? STATUS_OK : STATUS_NOT_HEARD;
}

enum status myna_handle_sighting_add(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t word = myna_templates_find(request->fixed.sighting_add.label);
    if (word == MYNA_WORDS) {
        return STATUS_BAD_LABEL;
    }
    myna_arena_take(ARENA_MODEL);
    bool done = myna_sightings_add(request->fixed.sighting_add.number, word);
    return done ? STATUS_OK : STATUS_NOT_HEARD;
}

enum status myna_handle_sound_begin(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_sound_begin *begin = &request->fixed.sound_begin;
    if (begin->gated > 1u) {
        return STATUS_BAD_RANGE;
    }
    myna_listen_begin(begin->gated != 0u, begin->refractory);
    return STATUS_OK;
}

static void answer(uint32_t known, struct reply *reply) {
    const struct myna_listen_status status = myna_listen_status();
    const struct message_sound_reply head = {
        .samples = status.samples,
        .lost = status.lost,
        .decisions = status.decisions,
        .events = status.events,
        .level = status.level,
        .is_open = status.is_open,
        .words = myna_templates.count,
    };
    myna_reply_put(reply, &head, sizeof head);
    for (uint32_t word = 0u; word < myna_templates.count; word++) {
        struct score score = {myna_templates.labels[word], myna_listen_scores()[word]};
        myna_reply_put(reply, &score, sizeof score);
    }
    uint32_t number = status.events - fx_minu32(status.events, MYNA_LISTEN_EVENTS);
    for (number = known > number ? known : number; number < status.events; number++) {
        const struct myna_listen_event *kept = &myna_listen_events()[number % MYNA_LISTEN_EVENTS];
        struct event event = {kept->time, kept->score, kept->label};
        myna_reply_put(reply, &event, sizeof event);
    }
}

enum status myna_handle_sound_put(const struct request *request, struct reply *reply) {
    uint32_t offset = request->fixed.sound_put.offset;
    if (request->tail_bytes % sizeof(int16_t) != 0u) {
        return STATUS_BAD_RANGE;
    }
    if (!myna_listen_is_on()) {
        return STATUS_NOT_STARTED;
    }
    for (uint32_t done = 0u; done < request->tail_bytes; done += CHUNK * sizeof(int16_t)) {
        int16_t pcm[CHUNK];
        uint32_t rest = request->tail_bytes - done;
        uint32_t some = rest < sizeof pcm ? rest : sizeof pcm;
        memcpy(pcm, request->tail + done, some);
        myna_sound_push(pcm, some / sizeof *pcm, offset + done / sizeof *pcm);
    }
    while (myna_hear_sound()) {
    }
    answer(request->fixed.sound_put.events, reply);
    return STATUS_OK;
}

enum status myna_handle_sound_end(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    myna_listen_end();
    return STATUS_OK;
}
#else
#define REFUSED(name)                                                                    \
    enum status myna_handle_##name(const struct request *request, struct reply *reply) { \
        (void)request;                                                                   \
        (void)reply;                                                                     \
        return STATUS_NO_STREAMING;                                                      \
    }
REFUSED(template_make)
REFUSED(template_read)
REFUSED(threshold_set)
REFUSED(sighted)
REFUSED(sighting_refuse)
REFUSED(sighting_add)
REFUSED(sound_begin)
REFUSED(sound_put)
REFUSED(sound_end)
#endif
