/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that fill the clip slots, from sound or from features. */
#include "runtime/arena.h"
#include "runtime/clips.h"
#include "runtime/crc32.h"
#include "runtime/heard.h"
#include "runtime/model.h"
#include "runtime/recording.h"
#include "runtime/templates.h"
#include "runtime/utterance.h"
#include "server/handlers.h"

#include <stddef.h>
#include <string.h>

#define CHUNK 64u /* samples aligned and pushed at once */

static struct {
    struct clip *clip;
    uint32_t samples; /* promised by AUDIO_BEGIN */
} upload;

/* The slot that sound is coming for; NULL: none. */
static struct clip *destination(void) {
    return myna_arena_use == ARENA_SOUND ? upload.clip : NULL;
}

static void push(const int16_t *pcm, uint32_t count) {
    struct myna_recording *recording = myna_model.recording;
    while (count > 0u && recording->filled < sizeof recording->features) {
        bool ready;
        uint32_t taken = myna_audio_push(&recording->audio, myna_model.audio, pcm, count,
                                         &recording->features[recording->filled], &ready);
        recording->filled += ready ? MYNA_ROW_BYTES : 0u;
        pcm += taken;
        count -= taken;
    }
}

enum status myna_handle_audio_begin(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_audio_begin *begin = &request->fixed.audio_begin;
    struct clip *clip = myna_clips_at(begin->slot);
    if (!MYNA_FRONT_END) {
        return STATUS_NO_FRONT_END;
    }
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if (begin->label >= myna_model.max_classes && begin->label != MYNA_NO_CLASS) {
        return STATUS_BAD_LABEL;
    }
    if (begin->samples == 0u) {
        return STATUS_BAD_RANGE;
    }
    if (begin->samples > ENDPOINT_SAMPLES) {
        return STATUS_TOO_LONG;
    }
    myna_clips_drop(clip);
    clip->filled = 0u;
    clip->label = begin->label;
    myna_arena_take(ARENA_SOUND);
    upload.clip = clip;
    upload.samples = begin->samples;
    myna_endpoint_reset(&myna_model.recording->endpoint);
    myna_audio_reset(&myna_model.recording->audio);
    return STATUS_OK;
}

enum status myna_handle_audio_data(const struct request *request, struct reply *reply) {
    (void)reply;
    if (!MYNA_FRONT_END) {
        return STATUS_NO_FRONT_END;
    }
    struct endpoint *endpoint = &myna_model.recording->endpoint;
    uint32_t count = request->tail_bytes / sizeof(int16_t);
    if (destination() == NULL) {
        return STATUS_NOT_STARTED;
    }
    if (request->tail_bytes % sizeof(int16_t) != 0u ||
        request->fixed.piece.offset != endpoint->samples ||
        count > upload.samples - endpoint->samples) {
        return STATUS_BAD_RANGE;
    }
    for (uint32_t done = 0u; done < count; done += CHUNK) {
        int16_t pcm[CHUNK];
        uint32_t some = count - done < CHUNK ? count - done : CHUNK;
        memcpy(pcm, request->tail + done * sizeof *pcm, some * sizeof *pcm);
        myna_endpoint_push(endpoint, pcm, some);
        push(pcm, some);
    }
    return STATUS_OK;
}

/* Copies the frames around the word; a recording that is too short goes on with silence. */
static void cut_clip(struct clip *clip, const struct endpoint_word *word) {
    static const int16_t silence[CHUNK];
    const struct myna_recording *recording = myna_model.recording;
    while (recording->filled < MYNA_FEATURE_BYTES) {
        push(silence, CHUNK);
    }
    myna_utterance_cut(word, clip->features);
    clip->filled = MYNA_FEATURE_BYTES;
    clip->latents = 0u;
}

enum status myna_handle_audio_end(const struct request *request, struct reply *reply) {
    (void)request;
    if (!MYNA_FRONT_END) {
        return STATUS_NO_FRONT_END;
    }
    const struct endpoint *endpoint = &myna_model.recording->endpoint;
    struct clip *clip = destination();
    struct endpoint_word word;
    if (clip == NULL) {
        return STATUS_NOT_STARTED;
    }
    if (endpoint->samples != upload.samples) {
        return STATUS_DATA_MISSING;
    }
    myna_endpoint_find(endpoint, &word);
    cut_clip(clip, &word);
    if (word.verdict == ENDPOINT_OK && clip->label != MYNA_NO_CLASS) {
        myna_clips_store(clip, clip->label, false);
    }
    struct message_audio_reply audio = {
        .feature_crc = myna_crc32_update(0u, clip->features, sizeof clip->features),
        .mean_square = (uint32_t)(endpoint->squares / endpoint->samples),
        .clipped = endpoint->clipped,
        .peak = endpoint->peak,
        .verdict = word.verdict,
        .word_start = word.start,
        .word_length = word.length,
    };
    myna_arena_take(ARENA_MODEL);
    myna_reply_put(reply, &audio, sizeof audio);
    return STATUS_OK;
}

enum status myna_handle_features_put(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_features_put *put = &request->fixed.features_put;
    struct clip *clip = myna_clips_at(put->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if ((put->offset != 0u && put->offset != clip->filled) ||
        !range_inside(put->offset, request->tail_bytes, MYNA_FEATURE_BYTES)) {
        return STATUS_BAD_RANGE;
    }
    if (clip == destination()) {
        myna_arena_end_sound();
    }
    myna_clips_drop(clip);
    memcpy(&clip->features[put->offset], request->tail, request->tail_bytes);
    clip->filled = (uint16_t)(put->offset + request->tail_bytes);
    clip->latents = 0u;
    if (clip->filled == 0u) {
        memset(clip->features, 0, sizeof clip->features); /* or what was heard might be saved */
    }
    return STATUS_OK;
}

enum status myna_handle_features_get(const struct request *request, struct reply *reply) {
    const struct message_features_get *get = &request->fixed.features_get;
    const struct clip *clip = myna_clips_at(get->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    return myna_reply_range(reply, clip->features, clip->filled, get->offset, get->length);
}

enum status myna_handle_clip_set(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_clip_set *set = &request->fixed.clip_set;
    struct clip *clip = myna_clips_at(set->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if (set->label >= myna_model.max_classes) {
        return STATUS_BAD_LABEL;
    }
    if (clip->filled != MYNA_FEATURE_BYTES) {
        return STATUS_DATA_MISSING; /* as of a slot that sound is coming for */
    }
    myna_clips_store(clip, set->label, false);
    return STATUS_OK;
}

enum status myna_handle_clips_clear(const struct request *request, struct reply *reply) {
    (void)reply;
    myna_arena_end_sound();
    myna_clips_clear(request->fixed.clips_clear.lowest);
    myna_heard_clear(request->fixed.clips_clear.lowest);
    myna_templates_clear(request->fixed.clips_clear.lowest);
    return STATUS_OK;
}

enum status myna_handle_class_removed(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_class_removed *removed = &request->fixed.class_removed;
    if (removed->label >= myna_model.max_classes || removed->last >= myna_model.max_classes) {
        return STATUS_BAD_LABEL;
    }
    myna_arena_end_sound();
    myna_templates_remove(removed->label, removed->last);
    myna_clips_remove(removed->label, removed->last);
    myna_heard_remove(removed->label, removed->last);
    return STATUS_OK;
}
