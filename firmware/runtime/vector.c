/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/vector.h"

#include <string.h>

#define RANGE_BITS 24 /* of a range's mantissa behind its leading one */
#define LEADING (1 << 30)

static int64_t clamp(const struct myna_part *part, int64_t value) {
    return value < part->low ? part->low : value > part->high ? part->high : value;
}

static int32_t get_int8(const uint8_t *at) {
    return *(const int8_t *)at;
}

static void put_int8(uint8_t *at, int32_t value) {
    *(int8_t *)at = (int8_t)value;
}

int32_t myna_vector_get(const struct myna_part *part, const uint8_t *block, uint32_t index) {
    int32_t words[2];
    if (part->form == MYNA_MASTER) {
        int32_t rest = part->residual != 0u ? get_int8(block + part->residual + index) : 0;
        return get_int8(block + part->offset + index) * 256 + rest;
    }
    if (part->form == MYNA_WHOLE) {
        memcpy(words, block + part->offset + index * sizeof words[0], sizeof words[0]);
        return (int32_t)clamp(part, words[0]);
    }
    memcpy(words, block + part->offset, sizeof words);
    int64_t fraction = ((int64_t)words[0] - LEADING) >> (30 - RANGE_BITS);
    return (int32_t)clamp(part, (int64_t)words[1] * (1 << RANGE_BITS) + fraction);
}

void myna_vector_put(const struct myna_part *part, uint8_t *block, uint32_t index, int64_t value) {
    int32_t words[2], found = (int32_t)clamp(part, value);
    if (part->form == MYNA_MASTER) {
        int32_t high = (found + 128) >> 8;
        put_int8(block + part->offset + index, high);
        if (part->residual != 0u) {
            put_int8(block + part->residual + index, found - 256 * high);
        }
        return;
    }
    if (part->form == MYNA_WHOLE) {
        memcpy(block + part->offset + index * sizeof found, &found, sizeof found);
        return;
    }
    words[0] = LEADING + (found & ((1 << RANGE_BITS) - 1)) * (1 << (30 - RANGE_BITS));
    words[1] = found >> RANGE_BITS;
    memcpy(block + part->offset, words, sizeof words);
}
