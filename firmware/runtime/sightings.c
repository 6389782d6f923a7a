/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sightings.h"

#include "config.h" /* of the generated model */

#include <stddef.h>
#include <string.h>

#if MYNA_STREAMING
#include "runtime/model.h"
#include "runtime/stream.h"
#include "runtime/templates.h"

#define NEAR (DETECT_FULL / 16) /* below a threshold, in which the user may know better */

static int8_t embeddings[DETECT_SPAN + 1u][MYNA_EMBEDDING]; /* of the latest decisions, and */
static struct {
    struct sighting kept[SIGHTINGS]; /* a number's place is its remainder */
    int64_t most;                    /* by which the latest exceeds its threshold */
    uint32_t last;                   /* number given */
    uint16_t next;                   /* place of the next embedding, of the oldest so far */
    uint16_t open;                   /* decisions that still belong to the latest */
} sightings;

static struct sighting *find(uint32_t number) {
    struct sighting *sighting = &sightings.kept[number % SIGHTINGS];
    return number > 0u && sighting->number == number ? sighting : NULL;
}

const struct sighting *myna_sightings_newest(uint32_t before) {
    uint32_t number = before > 0u && before <= sightings.last ? before : sightings.last + 1u;
    while (--number > 0u && sightings.last - number < SIGHTINGS) {
        if (find(number) != NULL) {
            return find(number);
        }
    }
    return NULL;
}

/* The directions of the latest DETECT_SPAN + 1 decisions that a template has. */
static void keep_directions(struct sighting *sighting) {
    for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
        const int8_t *kept =
            embeddings[(sightings.next + step * DETECT_STRIDE) % (DETECT_SPAN + 1u)];
        int16_t embedding[MYNA_EMBEDDING];
        for (uint32_t i = 0u; i < MYNA_EMBEDDING; i++) {
            embedding[i] = (int16_t)(kept[i] - myna_model.embedding_zero);
        }
        myna_detect_one(embedding, myna_model.center, MYNA_EMBEDDING, sighting->directions[step]);
    }
}

static void note(const struct detect_event *event, bool accepted) {
    const int64_t excess = (int64_t)event->score - myna_templates.thresholds[event->word];
    if (excess < -NEAR || event->is_rival) {
        return;
    }
    if (sightings.open == 0u || find(sightings.last) == NULL) {
        struct sighting *fresh = &sightings.kept[++sightings.last % SIGHTINGS];
        *fresh = (struct sighting){.number = sightings.last};
        sightings.open = DETECT_SPAN + 1u;
        sightings.most = INT64_MIN;
    }
    struct sighting *sighting = find(sightings.last);
    sighting->accepted = sighting->accepted || accepted;
    if (excess > sightings.most) {
        sightings.most = excess;
        sighting->time = event->time;
        sighting->score = event->score;
        sighting->label = myna_templates.labels[event->word];
        keep_directions(sighting);
    }
}

void myna_sightings_push(const struct detect_event *event, bool accepted) {
    memcpy(embeddings[sightings.next], myna_streaming.embedding, sizeof embeddings[0]);
    sightings.next = (uint16_t)((sightings.next + 1u) % (DETECT_SPAN + 1u));
    if (sightings.open > 0u) {
        sightings.open--;
    }
    if (event != NULL) {
        note(event, accepted);
    }
}

bool myna_sightings_refuse(uint32_t number) {
    struct sighting *sighting = find(number);
    if (sighting == NULL) {
        return false;
    }
    myna_templates_add_rival(sighting->label, &sighting->directions[0][0]);
    *sighting = (struct sighting){0};
    return true;
}

bool myna_sightings_add(uint32_t number, uint32_t word) {
    struct sighting *sighting = find(number);
    if (sighting == NULL) {
        return false;
    }
    myna_templates_add_take(word, &sighting->directions[0][0]);
    *sighting = (struct sighting){0};
    return true;
}

void myna_sightings_clear(void) {
    memset(sightings.kept, 0, sizeof sightings.kept);
}
#else
void myna_sightings_clear(void) {}
#endif
