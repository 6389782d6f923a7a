/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/endpoint.h"

#include <stdbool.h>
#include <string.h>

enum {
    SHORTEST = 7,
    BRIDGE = 14,
    QUIET = 96,
    CONTRAST = 32,
    RANGE = 100,
    COMPARABLE = 8,
    CLIPPED_PER_HOP = 10
};

struct burst {
    uint32_t start, end, active, area;
};

void myna_endpoint_reset(struct endpoint *endpoint) {
    memset(endpoint, 0, sizeof *endpoint);
}

/* The variance is at most 2^30. */
uint8_t myna_endpoint_level(uint64_t squares, int32_t sum) {
    const uint64_t square = (uint64_t)((int64_t)sum * sum);
    const uint32_t hop = MYNA_AUDIO_HOP;
    const uint64_t value = (hop * squares - square) / (hop * hop) + 1u;
    const uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value);
    return (uint8_t)(8u * exponent + ((value << 3 >> exponent) & 7u));
}

static void end_hop(struct endpoint *endpoint) {
    if (endpoint->hops < ENDPOINT_HOPS) {
        endpoint->level[endpoint->hops++] =
            myna_endpoint_level(endpoint->hop_squares, endpoint->hop_sum);
    }
    endpoint->hop_squares = 0u;
    endpoint->hop_sum = 0;
}

void myna_endpoint_push(struct endpoint *endpoint, const int16_t *pcm, uint32_t count) {
    for (uint32_t i = 0u; i < count; i++) {
        const uint32_t size = (uint32_t)(pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i]);
        endpoint->squares += size * size;
        endpoint->hop_squares += size * size;
        endpoint->hop_sum += pcm[i];
        endpoint->clipped += size >= INT16_MAX;
        endpoint->peak = (uint16_t)(size > endpoint->peak ? size : endpoint->peak);
        endpoint->samples++;
        if (endpoint->samples % MYNA_AUDIO_HOP == 0u) {
            end_hop(endpoint);
        }
    }
}

/* The level at position `rank` of all in ascending order. */
static uint32_t ranked_level(const struct endpoint *endpoint, uint32_t rank) {
    uint8_t number[256] = {0};
    _Static_assert(ENDPOINT_HOPS <= UINT8_MAX, "hops are counted in 8 bits");
    for (uint32_t hop = 0u; hop < endpoint->hops; hop++) {
        number[endpoint->level[hop]]++;
    }
    uint32_t level = 0u;
    for (uint32_t below = number[0]; below <= rank; below += number[level]) {
        level++;
    }
    return level;
}

/* Counts the burst and keeps it in `word` if it is the largest so far, in `*second` its loser. */
static void end_burst(const struct burst *burst, struct burst *word, uint32_t *second) {
    if (burst->active < SHORTEST) {
        return;
    }
    const bool larger = burst->area > word->area;
    const uint32_t loser = larger ? word->area : burst->area;
    *second = loser > *second ? loser : *second;
    *word = larger ? *burst : *word;
}

/* The largest burst (area 0: there is none) and, in `*second`, the area of the next. */
static struct burst largest_burst(const struct endpoint *endpoint, uint32_t threshold,
                                  uint32_t *second) {
    struct burst word = {0}, burst = {0};
    *second = 0u;
    for (uint32_t hop = 0u; hop < endpoint->hops; hop++) {
        if (endpoint->level[hop] <= threshold) {
            continue;
        }
        if (burst.active == 0u || hop - burst.end > BRIDGE) {
            end_burst(&burst, &word, second);
            burst = (struct burst){.start = hop};
        }
        burst.end = hop + 1u;
        burst.active++;
        burst.area += endpoint->level[hop] - threshold;
    }
    end_burst(&burst, &word, second);
    return word;
}

static void judge(const struct endpoint *endpoint, struct endpoint_word *word) {
    const uint32_t hops = endpoint->hops;
    const uint32_t quantile = ranked_level(endpoint, hops / 8u);
    const uint32_t floor = quantile > ENDPOINT_FAINT ? quantile : ENDPOINT_FAINT;
    const uint32_t top = ranked_level(endpoint, hops - 3u);
    const bool is_long = hops > ENDPOINT_SECOND;
    struct burst found = {.end = hops};
    uint32_t second = 0u;
    const bool flat = top < floor + CONTRAST || top < QUIET;
    if (!flat) {
        const uint32_t low = top > RANGE ? top - RANGE : 0u;
        found = largest_burst(
            endpoint, low > floor + ENDPOINT_MARGIN ? low : floor + ENDPOINT_MARGIN, &second);
        if (found.area == 0u) {
            return;
        }
    }
    word->start = (uint16_t)found.start;
    word->length = (uint16_t)(found.end - found.start);
    if (endpoint->clipped > (uint32_t)CLIPPED_PER_HOP * word->length) {
        word->verdict = ENDPOINT_CLIPPED;
    } else if (top < QUIET) {
        word->verdict = ENDPOINT_SILENT;
    } else if (flat && is_long) {
        word->verdict = ENDPOINT_NO_WORD;
    } else if (second > 0u && COMPARABLE * second >= found.area) {
        word->verdict = ENDPOINT_TWO_WORDS;
    } else {
        const bool cut = is_long && (found.start == 0u || found.end == hops);
        word->verdict = cut ? ENDPOINT_CUT_OFF : ENDPOINT_OK;
    }
}

void myna_endpoint_find(const struct endpoint *endpoint, struct endpoint_word *word) {
    *word = (struct endpoint_word){.verdict = ENDPOINT_NO_WORD, .length = endpoint->hops};
    if (endpoint->hops >= SHORTEST) {
        judge(endpoint, word);
    }
}

uint32_t myna_endpoint_first_frame(const struct endpoint *endpoint,
                                   const struct endpoint_word *word, uint32_t frames) {
    if (endpoint->hops <= ENDPOINT_SECOND) {
        return 0u;
    }
    const uint32_t all = (endpoint->samples - MYNA_AUDIO_FRAME) / MYNA_AUDIO_HOP + 1u;
    const uint32_t room = all > frames ? all - frames : 0u;
    const uint32_t middle = 2u * word->start + word->length; /* in halves of a hop */
    const uint32_t first = middle > frames ? (middle - frames) / 2u : 0u;
    return first < room ? first : room;
}
