/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One enrollment between two marks: imprint, train, stop. The clips and how to learn them come from
 * enrollment.h, which toolchain/myna/bench/count.py writes beside the generated model.
 */
#include "bench/mark.h"
#include "boards/port.h"
#include "enrollment.h"
#include "runtime/clips.h"
#include "runtime/learn.h"
#include "runtime/model.h"

#include <string.h>

_Static_assert(sizeof clip_labels / sizeof *clip_labels <= MYNA_MAX_CLIPS, "clips fit the store");

int main(void) {
    myna_port_init();
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    for (uint32_t i = 0u; i < sizeof clip_labels / sizeof *clip_labels; i++) {
        struct clip *clip = myna_clips_at(i);
        memcpy(clip->features, clip_features[i], sizeof clip->features);
        clip->label = clip_labels[i];
        clip->stored = true;
    }
    if (myna_learn_check(&how_to_learn) != STATUS_OK)
        myna_port_fail("bench: these clips cannot be learned");
    struct learn_result result;
    mark();
    myna_learn_run(&how_to_learn, &result);
    mark();
    for (uint16_t i = 0u; i < result.epochs; i++) /* their number, as marks */
        mark();
    myna_port_fail(BENCH_DONE);
}
