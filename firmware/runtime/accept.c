/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/accept.h"

#include "config.h" /* of the generated model */
#include "kernels/fixed.h"
#include "runtime/clips.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/recognize.h"

#include <stddef.h>
#include <string.h>

#define BINS 128u
#define BIN_WIDTH 512
#define LOWEST (-(int32_t)BINS / 2 * BIN_WIDTH)
#define FOREIGN_PERCENT 1u /* of the impostors at hand may pass the higher bound, and */
#define OWN_PERCENT 20u    /* of the genuine examples may miss the lower one */
#define NEAR 4096          /* Q15 below the threshold */

struct histogram {
    uint16_t bins[BINS];
    uint32_t total;
};

static struct {
    bool enrolled[MYNA_MAX_CLASSES]; /* words that have a clip */
    int32_t sums[MYNA_MAX_CLASSES];
    int32_t counts[MYNA_MAX_CLASSES];
    struct histogram genuine, foreign;
} work;

int32_t myna_accept_confidence(uint32_t label) {
    return myna_model.similarity != NULL ? myna_model.similarity[label] - myna_model.typical[label]
                                         : 0;
}

bool myna_accept_reaches(int32_t confidence) {
    return myna_model.similarity == NULL || confidence >= *myna_model.threshold;
}

bool myna_accept_nearly(int32_t confidence) {
    return myna_accept_reaches(confidence + NEAR);
}

static void note_typical(uint32_t label) {
    work.sums[label] += myna_model.similarity[label];
    work.counts[label]++;
}

static void set_typical(void) {
    for (uint32_t class = 0u; class < MYNA_MAX_CLASSES; class++) {
        if (work.counts[class] > 0) {
            myna_model.typical[class] =
                myna_fx_divide(work.sums[class], (uint32_t)work.counts[class]);
        }
    }
}

static void count(struct histogram *histogram, int32_t value) {
    int32_t bin = fx_clamp32((value - LOWEST) / BIN_WIDTH, 0, (int32_t)BINS - 1);
    histogram->bins[bin]++;
    histogram->total++;
}

static void note_confidence(uint32_t label) {
    int32_t best = INT32_MIN;
    for (uint32_t class = 0u; class < MYNA_MAX_CLASSES; class++) {
        if (work.enrolled[class] && class != label) {
            best = fx_max32(best, myna_accept_confidence(class));
        }
    }
    if (best > INT32_MIN) {
        count(&work.foreign, best);
    }
    if (work.enrolled[label]) {
        count(&work.genuine, myna_accept_confidence(label));
    }
}

/* The least edge of a bin that at most so many percent reach. */
static int32_t reached_by(const struct histogram *histogram, uint32_t percent) {
    uint32_t bin = BINS, above = 0u;
    while (bin > 0u && 100u * (above + histogram->bins[bin - 1u]) <= percent * histogram->total) {
        above += histogram->bins[--bin];
    }
    return LOWEST + (int32_t)bin * BIN_WIDTH;
}

static void set_threshold(void) {
    if (work.genuine.total == 0u) {
        return; /* no word was enrolled */
    }
    int32_t own = reached_by(&work.genuine, 100u - OWN_PERCENT);
    int32_t foreign = work.foreign.total > 0u ? reached_by(&work.foreign, FOREIGN_PERCENT) : own;
    *myna_model.threshold = (own + foreign) / 2;
}

/* Infers variations of the stored clips, then the memories, and notes what came of each. */
static void examine(const struct message_learn *options, uint32_t key, void (*note)(uint32_t)) {
    uint16_t slots[MYNA_MAX_CLIPS];
    uint32_t count = myna_clips_list(slots);
    for (uint32_t i = 0u; i < count * ACCEPT_VARIATIONS; i++) {
        const uint32_t slot = slots[i / ACCEPT_VARIATIONS];
        const struct clip *clip = myna_clips_stored(slot);
        uint32_t number = MYNA_VARIATIONS + i % ACCEPT_VARIATIONS; /* none that was learned */
        myna_latents_feed_varied(options, slot, number, fx_random32(key, i));
        myna_model.compare();
        work.enrolled[clip->label] = myna_recognize_is_word(clip->label);
        note(clip->label);
        myna_progress((uint32_t)*myna_model.step);
    }
    for (uint32_t i = 0u; i < myna_recognize_asked; i++) {
        myna_recognize_feed_memory(i);
        myna_model.compare();
        note((uint32_t)myna_model.replay_labels[i]);
        myna_progress((uint32_t)*myna_model.step);
    }
}

void myna_accept_calibrate(const struct message_learn *options, uint32_t key) {
    memset(&work, 0, sizeof work);
    examine(options, key, note_typical);
    set_typical();
    examine(options, key, note_confidence);
    set_threshold();
}
