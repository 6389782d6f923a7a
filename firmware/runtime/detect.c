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
static int32_t foil(const int16_t *embedding, const struct detect_rule *rule, int32_t inverse) {
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
    int32_t less = foil(embedding, rule, inverse);
    for (uint32_t i = 0u; i < (uint32_t)rule->words + rule->rival_count; i++) {
        bool is_word = i < rule->words;
        uint32_t at = is_word ? i : i - rule->words;
        int32_t *sums = is_word ? state->sums[at] : state->rival_sums[at];
        const int8_t *direction = is_word ? rule->templates : rule->rivals;
        direction += at * DETECT_STEPS * rule->inputs;
        for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
            uint32_t later = DETECT_SPAN - step * DETECT_STRIDE;
            int32_t cosine = (int32_t)(((int64_t)dot(embedding, rule, direction) * inverse) >> 15);
            sums[column(state->next, later)] += cosine - less;
            direction += rule->inputs;
        }
    }
}

/* Takes the score of the best rival, at this decision. */
static int32_t take_rivals(struct detect_state *state, const struct detect_rule *rule) {
    int32_t most = INT32_MIN;
    for (uint32_t i = 0u; i < rule->rival_count; i++) {
        most = fx_max32(most, state->rival_sums[i][state->next]);
        state->rival_sums[i][state->next] = 0;
    }
    return most;
}

/* Takes the scores of this decision; the column is free for the one that is farthest ahead. */
static bool take_scores(struct detect_state *state, const struct detect_rule *rule,
                        struct detect_event *event) {
    int64_t most = INT64_MIN;
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
    event->is_rival = take_rivals(state, rule) > event->score;
    state->next = (uint16_t)column(state->next, 1u);
    return most >= 0;
}

bool myna_detect_push(struct detect_state *state, const struct detect_rule *rule,
                      const int16_t *embedding, uint32_t time, struct detect_event *event) {
    uint32_t elapsed = time - state->time;
    if (state->heard > 0u && elapsed != rule->period) {
        memset(state->sums, 0, sizeof state->sums);
        memset(state->rival_sums, 0, sizeof state->rival_sums);
        state->heard = 0u;
    }
    state->heard = (uint16_t)fx_minu32(state->heard + 1u, DETECT_SPAN + 1u);
    state->wait -= fx_minu32(state->wait, elapsed);
    state->time = time;
    add_similarities(state, rule, embedding);
    *event = (struct detect_event){.time = time, .score = INT32_MIN};
    if (!take_scores(state, rule, event) || state->heard <= DETECT_SPAN || state->wait > 0u) {
        return false;
    }
    state->wait = rule->refractory; /* also of what is silent, which goes on being like the word */
    return !event->is_rival;
}

/* Of the direction of an embedding, Q15. */
static int32_t component(int32_t embedding, int32_t center, int32_t inverse) {
    return (int32_t)(((int64_t)(CENTER * embedding - center) * inverse) >> 15);
}

/* In steps of a template, of a vector of this length. */
static int8_t scaled(int32_t component, uint32_t length) {
    return (int8_t)myna_fx_divide((int64_t)DETECT_UNIT * component, length > 0u ? length : 1u);
}

void myna_detect_add(const int16_t *embedding, const int16_t *center, uint32_t inputs,
                     int32_t *total) {
    int32_t inverse = inverse_length(embedding, center, inputs);
    for (uint32_t i = 0u; i < inputs; i++) {
        total[i] += component(embedding[i], center[i], inverse);
    }
}

void myna_detect_direction(const int32_t *total, uint32_t inputs, int8_t *direction) {
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < inputs; i++) {
        square += (uint64_t)((int64_t)total[i] * total[i]);
    }
    uint32_t length = myna_fx_isqrt(square);
    for (uint32_t i = 0u; i < inputs; i++) {
        direction[i] = scaled(total[i], length);
    }
}

void myna_detect_one(const int16_t *embedding, const int16_t *center, uint32_t inputs,
                     int8_t *direction) {
    int32_t inverse = inverse_length(embedding, center, inputs);
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < inputs; i++) {
        int32_t along = component(embedding[i], center[i], inverse);
        square += (uint64_t)((int64_t)along * along);
    }
    uint32_t length = myna_fx_isqrt(square);
    for (uint32_t i = 0u; i < inputs; i++) {
        direction[i] = scaled(component(embedding[i], center[i], inverse), length);
    }
}
