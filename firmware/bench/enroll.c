/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One enrollment: each take is stored and compared with the others of its word, as it would be when
 * its sound has arrived; then all are learned. Before that, the first take alone answers at once,
 * and is forgotten again. Marks: around that answer, around all the rest, before the last take, and
 * one for each epoch. The clips and how to learn them come from enrollment.h, which
 * toolchain/myna/bench/count.py writes beside the generated model.
 */
#include "bench/mark.h"
#include "boards/port.h"
#include "enrollment.h"
#include "runtime/clips.h"
#include "runtime/learn.h"
#include "runtime/model.h"
#include "server/handlers.h"

#include <string.h>

#define CLIPS (sizeof clip_labels / sizeof *clip_labels)

_Static_assert(CLIPS <= MYNA_MAX_CLIPS, "clips fit the store");

static struct learn_result learn(const struct message_learn *how) {
    struct learn_result result;
    if (myna_learn_check(how) != STATUS_OK)
        myna_port_fail("bench: these clips cannot be learned");
    myna_learn_run(how, &result);
    return result;
}

static void begin(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_clips_clear(0u);
}

static void store(uint32_t slot) {
    struct clip *clip = myna_clips_at(slot);
    memcpy(clip->features, clip_features[slot], sizeof clip->features);
    myna_clips_store(clip, clip_labels[slot], false);
}

static void compare(uint32_t slot) {
    uint8_t payload[FRAME_MAX_PAYLOAD];
    const struct request request = {.fixed.takes.label = clip_labels[slot]};
    struct reply reply = {.payload = payload};
    if (myna_handle_takes(&request, &reply) != STATUS_OK)
        myna_port_fail("bench: these takes cannot be compared");
}

int main(void) {
    myna_port_init();
    begin();
    store(0u);
    mark();
    (void)learn(&how_to_answer);
    mark();
    begin();
    mark();
    for (uint32_t slot = 0u; slot < CLIPS; slot++) {
        if (slot + 1u == CLIPS)
            mark();
        store(slot);
        compare(slot);
    }
    struct learn_result result = learn(&how_to_learn);
    mark();
    for (uint16_t i = 0u; i < result.epochs; i++)
        mark();
    myna_port_fail(BENCH_DONE);
}
