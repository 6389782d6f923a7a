/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/schedule.h"

#include "kernels/fixed.h"

#define TAG 0x53484646u /* "SHFF": no tensor draws with this tag */

/* Fisher and Yates; the draw is scaled to 0 … i by its high bits. */
void myna_schedule_shuffle(uint16_t *items, uint32_t count, uint32_t seed, uint32_t epoch) {
    uint32_t key = fx_key(seed, epoch, TAG);
    for (uint32_t i = count - 1u; i > 0u; i--) {
        uint32_t j = (uint32_t)(((uint64_t)fx_random32(key, i) * (i + 1u)) >> 32);
        uint16_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

uint16_t myna_schedule_pick(uint16_t *items, uint32_t count, uint32_t seed, uint32_t step) {
    myna_schedule_shuffle(items, count, seed, step / count);
    return items[step % count];
}
