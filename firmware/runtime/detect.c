/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/detect.h"

#include "kernels/fixed.h"

#include <string.h>

#define CENTER 16 /* of an embedding's steps in one of the centre's */
#define ONE_Q30 (1u << 30)

/* 2^30 over the length of a centred embedding */
static int32_t inverse_length(const int16_t *embedding, const int16_t *center, uint32_t inputs) {
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < inputs; i++) {
        int32_t away = CENTER * embedding[i] - center[i];
        square += (uint64_t)((int64_t)away * away);
    }
    uint32_t length = myna_fx_isqrt(square);
    return (int32_t)(ONE_Q30 / (length > 0u ? length : 1u));
}

static int32_t dot(const int16_t *embedding, const struct detect_rule *rule,
                   const int8_t *direction) {
    int32_t sum = 0;
    for (uint32_t i = 0u; i < rule->inputs; i++) {
        sum += (CENTER * embedding[i] - rule->center[i]) * direction[i];
    }
    return sum;
}

/* Half the largest cosine of an embedding and a foil; 0 without foils. */
static int32_t rival(const int16_t *embedding, const struct detect_rule *rule, int32_t inverse) {
    int32_t most = INT32_MIN;
    for (uint32_t i = 0u; i < rule->foil_count; i++) {
        most = fx_max32(most, dot(embedding, rule, &rule->foils[i * rule->inputs]));
    }
    return rule->foil_count > 0u ? (int32_t)(((int64_t)most * inverse) >> 16) : 0;
}

/* The column of `sums` that so many decisions later is `next`. */
static uint32_t column(uint32_t next, uint32_t later) {
    uint32_t at = next + later;
    return at > DETECT_SPAN ? at - DETECT_SPAN - 1u : at;
}

/* Each direction of a template adds to the score that is complete when the last one was met. */
static void add_similarities(struct detect_state *state, const struct detect_rule *rule,
                             const int16_t *embedding) {
    int32_t inverse = inverse_length(embedding, rule->center, rule->inputs);
    int32_t less = rival(embedding, rule, inverse);
    const int8_t *direction = rule->templates;
    for (uint32_t word = 0u; word < rule->words; word++) {
        for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
            uint32_t later = DETECT_SPAN - step * DETECT_STRIDE;
            int32_t cosine = (int32_t)(((int64_t)dot(embedding, rule, direction) * inverse) >> 15);
            state->sums[word][column(state->next, later)] += cosine - less;
            direction += rule->inputs;
        }
    }
}

/* Takes the scores of this decision; the column is free for the one that is farthest ahead. */
static bool take_scores(struct detect_state *state, const struct detect_rule *rule,
                        struct detect_event *event) {
    int64_t most = -1;
    for (uint16_t word = 0u; word < rule->words; word++) {
        int32_t score = state->sums[word][state->next];
        int64_t excess = (int64_t)score - rule->thresholds[word];
        if (excess > most) {
            most = excess;
            event->word = word;
            event->score = score;
        }
        state->scores[word] = state->heard > DETECT_SPAN ? score : 0;
        state->sums[word][state->next] = 0;
    }
    state->next = (uint16_t)column(state->next, 1u);
    return most >= 0;
}

bool myna_detect_push(struct detect_state *state, const struct detect_rule *rule,
                      const int16_t *embedding, uint32_t time, struct detect_event *event) {
    uint32_t elapsed = time - state->time;
    if (state->heard > 0u && elapsed != rule->period) {
        memset(state->sums, 0, sizeof state->sums);
        state->heard = 0u;
    }
    state->heard = (uint16_t)fx_minu32(state->heard + 1u, DETECT_SPAN + 1u);
    state->wait -= fx_minu32(state->wait, elapsed);
    state->time = time;
    add_similarities(state, rule, embedding);
    if (!take_scores(state, rule, event) || state->heard <= DETECT_SPAN || state->wait > 0u) {
        return false;
    }
    event->time = time;
    state->wait = rule->refractory;
    return true;
}

void myna_detect_add(const int16_t *embedding, const int16_t *center, uint32_t inputs,
                     int32_t *total) {
    int32_t inverse = inverse_length(embedding, center, inputs);
    for (uint32_t i = 0u; i < inputs; i++) {
        int32_t away = CENTER * embedding[i] - center[i];
        total[i] += (int32_t)(((int64_t)away * inverse) >> 15);
    }
}

void myna_detect_direction(const int32_t *total, uint32_t inputs, int8_t *direction) {
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < inputs; i++) {
        square += (uint64_t)((int64_t)total[i] * total[i]);
    }
    uint32_t length = myna_fx_isqrt(square);
    for (uint32_t i = 0u; i < inputs; i++) {
        int64_t scaled = (int64_t)DETECT_UNIT * total[i];
        direction[i] = (int8_t)myna_fx_divide(scaled, length > 0u ? length : 1u);
    }
}
