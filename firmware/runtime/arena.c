/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/arena.h"

#include "runtime/model.h"
#include "runtime/recording.h"

#include <string.h>

enum arena_use myna_arena_use;

void myna_arena_take(enum arena_use use) {
    if (use == ARENA_SOUND || myna_arena_use == ARENA_SOUND) {
        memset(myna_model.recording, 0, sizeof *myna_model.recording);
    }
    myna_arena_use = use;
}

void myna_arena_end_sound(void) {
    if (myna_arena_use == ARENA_SOUND) {
        myna_arena_take(ARENA_MODEL);
    }
}
