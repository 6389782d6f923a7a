/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sliding.h"

#include <string.h>

#include "kernels/pool.h"
#include "kernels/sums.h"

/* bits that come, or go, from the lowest of a halfword on */
struct bits {
    int8_t *at;
    uint32_t held, count;
};

static int32_t take(struct bits *from, uint32_t bits) {
    if (from->count < bits) {
        uint16_t next;
        memcpy(&next, from->at, sizeof next);
        from->at += sizeof next;
        from->held |= (uint32_t)next << from->count;
        from->count += 16u;
    }
    int32_t value = (int32_t)(from->held << (32u - bits)) >> (32u - bits);
    from->held >>= bits;
    from->count -= bits;
    return value;
}

static void flush(struct bits *to) {
    uint16_t low = (uint16_t)to->held;
    memcpy(to->at, &low, sizeof low);
    to->at += sizeof low;
}

static void put(struct bits *to, uint32_t bits, int32_t value) {
    to->held |= (uint32_t)value << (32u - bits) >> (32u - bits) << to->count;
    to->count += bits;
    if (to->count >= 16u) {
        flush(to);
        to->held >>= 16;
        to->count -= 16u;
    }
}

/* the oldest row leaves, the sums of x enter */
static void slide(const struct sliding *p, const int8_t *x, int8_t *sums, int32_t *total) {
    const uint32_t channels = p->channels, row = (channels * p->bits + 31u) / 32u * 4u;
    const uint32_t rest = (p->kept - 1u) * row;
    struct bits oldest = {sums, 0u, 0u}, newest = {sums + rest, 0u, 0u};
    for (uint32_t c = 0; c < channels; c++)
        total[c] -= take(&oldest, p->bits);
    memmove(sums, sums + row, rest);
    for (uint32_t c = 0; c < channels; c += SUM_CHANNELS) {
        uint32_t count = fx_minu32(SUM_CHANNELS, channels - c);
        int32_t sum[SUM_CHANNELS] = {0};
        myna_add_positions(x + c, p->width, channels, count, sum);
        for (uint32_t i = 0; i < count; i++) {
            total[c + i] += sum[i];
            put(&newest, p->bits, sum[i]);
        }
    }
    if (newest.count > 0u)
        flush(&newest);
}

static void slide_all(const struct sliding *p, const int8_t *x, int8_t *sums, int32_t *total) {
    for (uint32_t row = 0; row < p->rows; row++)
        slide(p, x + row * p->width * p->channels, sums, total);
}

void myna_sliding_average_s8(const struct sliding *p, const int8_t *x, int8_t *sums, int32_t *total,
                             int8_t *y) {
    slide_all(p, x, sums, total);
    for (uint32_t c = 0; c < p->channels; c++)
        y[c] = rounded_mean(total[c], p->kept * p->width);
}

void myna_sliding_mean_s8(const struct sliding_mean *p, const int8_t *x, int8_t *sums,
                          int32_t *total, int8_t *y) {
    slide_all(&p->window, x, sums, total);
    for (uint32_t c = 0; c < p->window.channels; c++)
        y[c] = mean_of(&p->mean, total[c]);
}
