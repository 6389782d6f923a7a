/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that fill the clip slots, from sound or from features. */
#include "audio/features.h"
#include "runtime/clips.h"
#include "runtime/crc32.h"
#include "runtime/handlers.h"
#include "runtime/model.h"
#include "runtime/trace.h"

#include <stddef.h>
#include <string.h>

#define CHUNK 64u           /* samples aligned and pushed at once */
#define SILENT_SQUARE 1024u /* mean square below which a clip is silent: -60 dB of full scale */

static struct {
    struct clip *clip; /* NULL: no upload */
    uint32_t samples;  /* promised by AUDIO_BEGIN */
    uint32_t received;
    uint32_t clipped;
    uint32_t peak;
    uint64_t energy;
} upload;

void audio_abort(void) {
    if (upload.clip != NULL) {
        trace_wipe();
    }
    upload.clip = NULL;
}

/* Feeds the front end; what comes after the clip's last frame changes nothing. */
static void push(const int16_t *pcm, uint32_t count) {
    struct clip *clip = upload.clip;
    while (count > 0u && clip->filled < MYNA_FEATURE_BYTES) {
        bool ready;
        uint32_t taken = audio_push(&trace_scratch.audio, myna_model.audio, pcm, count,
                                    &clip->features[clip->filled], &ready);
        clip->filled = (uint16_t)(clip->filled + (ready ? myna_model.audio->features : 0u));
        pcm += taken;
        count -= taken;
    }
}

static void measure(const int16_t *pcm, uint32_t count) {
    for (uint32_t i = 0u; i < count; i++) {
        uint32_t size = (uint32_t)(pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i]);
        upload.energy += size * size;
        upload.clipped += size >= INT16_MAX;
        upload.peak = size > upload.peak ? size : upload.peak;
    }
}

enum status handle_audio_begin(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_audio_begin *begin = &request->fixed.audio_begin;
    struct clip *clip = clips_at(begin->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if (begin->label >= myna_model.max_classes) {
        return STATUS_BAD_LABEL;
    }
    if (begin->samples == 0u) {
        return STATUS_BAD_RANGE;
    }
    clip->stored = false;
    clip->filled = 0u;
    clip->label = begin->label;
    memset(&upload, 0, sizeof upload);
    upload.clip = clip;
    upload.samples = begin->samples;
    trace_wipe();
    audio_reset(&trace_scratch.audio);
    return STATUS_OK;
}

enum status handle_audio_data(const struct request *request, struct reply *reply) {
    (void)reply;
    uint32_t count = request->tail_bytes / sizeof(int16_t);
    if (upload.clip == NULL) {
        return STATUS_NOT_STARTED;
    }
    if (request->tail_bytes % sizeof(int16_t) != 0u ||
        request->fixed.piece.offset != upload.received ||
        count > upload.samples - upload.received) {
        return STATUS_BAD_RANGE;
    }
    for (uint32_t done = 0u; done < count; done += CHUNK) {
        int16_t pcm[CHUNK];
        uint32_t some = count - done < CHUNK ? count - done : CHUNK;
        memcpy(pcm, request->tail + done * sizeof *pcm, some * sizeof *pcm);
        measure(pcm, some);
        push(pcm, some);
    }
    upload.received += count;
    return STATUS_OK;
}

enum status handle_audio_end(const struct request *request, struct reply *reply) {
    (void)request;
    static const int16_t silence[CHUNK];
    struct clip *clip = upload.clip;
    if (clip == NULL) {
        return STATUS_NOT_STARTED;
    }
    if (upload.received != upload.samples) {
        return STATUS_DATA_MISSING;
    }
    while (clip->filled < MYNA_FEATURE_BYTES) {
        push(silence, CHUNK);
    }
    clip->stored = true;
    upload.clip = NULL;
    trace_wipe();
    struct message_audio_reply audio = {
        .feature_crc = crc32_update(0u, clip->features, sizeof clip->features),
        .mean_square = (uint32_t)(upload.energy / upload.samples),
        .clipped = upload.clipped,
        .peak = (uint16_t)upload.peak,
    };
    audio.silent = audio.mean_square < SILENT_SQUARE;
    reply_put(reply, &audio, sizeof audio);
    return STATUS_OK;
}

enum status handle_features_put(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_features_put *put = &request->fixed.features_put;
    struct clip *clip = clips_at(put->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if ((put->offset != 0u && put->offset != clip->filled) ||
        !range_inside(put->offset, request->tail_bytes, MYNA_FEATURE_BYTES)) {
        return STATUS_BAD_RANGE;
    }
    if (clip == upload.clip) {
        audio_abort();
    }
    memcpy(&clip->features[put->offset], request->tail, request->tail_bytes);
    clip->filled = (uint16_t)(put->offset + request->tail_bytes);
    clip->stored = false;
    return STATUS_OK;
}

enum status handle_features_get(const struct request *request, struct reply *reply) {
    const struct message_features_get *get = &request->fixed.features_get;
    const struct clip *clip = clips_at(get->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    return reply_range(reply, clip->features, clip->filled, get->offset, get->length);
}

enum status handle_clip_set(const struct request *request, struct reply *reply) {
    (void)reply;
    const struct message_clip_set *set = &request->fixed.clip_set;
    struct clip *clip = clips_at(set->slot);
    if (clip == NULL) {
        return STATUS_BAD_SLOT;
    }
    if (set->label >= myna_model.max_classes) {
        return STATUS_BAD_LABEL;
    }
    if (clip == upload.clip || clip->filled != MYNA_FEATURE_BYTES) {
        return STATUS_DATA_MISSING;
    }
    clip->label = set->label;
    clip->stored = true;
    return STATUS_OK;
}

enum status handle_clips_clear(const struct request *request, struct reply *reply) {
    (void)request;
    (void)reply;
    audio_abort();
    clips_clear();
    return STATUS_OK;
}
