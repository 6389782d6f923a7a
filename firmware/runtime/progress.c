/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/progress.h"

#include <stddef.h>

static void (*attendant)(uint32_t done);

void myna_progress_set(void (*attend)(uint32_t done)) {
    attendant = attend;
}

void myna_progress(uint32_t done) {
    if (attendant != NULL) {
        attendant(done);
    }
}
