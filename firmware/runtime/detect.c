/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/detect.h"

#include "kernels/block.h"
#include "kernels/fixed.h"

#include <string.h>

#define CENTER 16 /* of an embedding's steps in one of the centre's */
#define ONE_Q30 (1u << 30)

_Static_assert(MYNA_WORDS *DETECT_STEPS <= BLOCK_ROWS, "all directions are multiplied at once");

/* Replaces an embedding by its way from the centre. */
static void leave_center(int16_t *embedding, const int16_t *center, uint32_t inputs) {
    for (uint32_t i = 0u; i < inputs; i++) {
        embedding[i] = (int16_t)(CENTER * embedding[i] - center[i]);
    }
}

/* 2^30 over the length of such a way */
static int32_t inverse_length(const int16_t *away, uint32_t inputs) {
    int64_t square = 0;
    for (uint32_t i = 0u; i < inputs; i++) {
        square += (int64_t)away[i] * away[i];
    }
    uint32_t length = myna_fx_isqrt((uint64_t)square);
    return (int32_t)(ONE_Q30 / (length > 0u ? length : 1u));
}

/* The products of a way and `count` <= BLOCK_ROWS directions, one behind the other. */
static void multiply(const int16_t *away, const int8_t *directions, uint32_t inputs, uint32_t count,
                     int32_t *products) {
    struct block_columns column;
    int32_t part[BLOCK_ROWS][2];
    memset(products, 0, count * sizeof *products);
    for (uint32_t first = 0u; first < inputs; first += BLOCK_TERMS) {
        uint32_t terms = fx_minu32(inputs - first, BLOCK_TERMS);
        block_set_wide(&column, 0u, away + first, terms);
        myna_block_rows_of_one(&column, directions + first, inputs, terms, count, part);
        for (uint32_t i = 0u; i < count; i++) {
            products[i] += part[i][0];
        }
    }
}

/* Half the largest cosine of a way and a foil; 0 without foils. */
static int32_t foil(const int16_t *away, const struct detect_rule *rule, int32_t inverse) {
    int32_t most = INT32_MIN, products[BLOCK_ROWS];
    for (uint32_t first = 0u; first < rule->foil_count; first += BLOCK_ROWS) {
        uint32_t count = fx_minu32(rule->foil_count - first, BLOCK_ROWS);
        multiply(away, rule->foils + first * rule->inputs, rule->inputs, count, products);
        for (uint32_t i = 0u; i < count; i++) {
            most = fx_max32(most, products[i]);
        }
    }
    return rule->foil_count > 0u ? (int32_t)(((int64_t)most * inverse) >> 16) : 0;
}

/* The column of `sums` that so many decisions later is `next`. */
static uint32_t column(uint32_t next, uint32_t later) {
    uint32_t at = next + later;
    return at > DETECT_SPAN ? at - DETECT_SPAN - 1u : at;
}

/* Templates, and the scores that they add to. */
struct sums {
    const int8_t *directions; /* [count][DETECT_STEPS][inputs] */
    int32_t (*sums)[DETECT_SPAN + 1u];
    uint32_t count;
};

/* Each direction of a template adds to the score that is complete when the last one was met. */
static void add_similarities(struct detect_state *state, const struct detect_rule *rule,
                             const int16_t *away) {
    const int32_t inverse = inverse_length(away, rule->inputs), less = foil(away, rule, inverse);
    const struct sums words = {rule->templates, state->sums, rule->words};
    const struct sums rivals = {rule->rivals, state->rival_sums, rule->rival_count};
    const struct sums *all[] = {&words, &rivals};
    for (uint32_t i = 0u; i < 2u; i++) {
        int32_t products[BLOCK_ROWS];
        const int32_t *product = products;
        multiply(away, all[i]->directions, rule->inputs, all[i]->count * DETECT_STEPS, products);
        for (uint32_t word = 0u; word < all[i]->count; word++) {
            int32_t *sums = all[i]->sums[word];
            for (uint32_t step = 0u; step < DETECT_STEPS; step++) {
                uint32_t later = DETECT_SPAN - step * DETECT_STRIDE;
                int32_t cosine = (int32_t)(((int64_t)*product++ * inverse) >> 15);
                sums[column(state->next, later)] += cosine - less;
            }
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
                      int16_t *embedding, uint32_t time, struct detect_event *event) {
    uint32_t elapsed = time - state->time;
    if (state->heard > 0u && elapsed != rule->period) {
        memset(state->sums, 0, sizeof state->sums);
        memset(state->rival_sums, 0, sizeof state->rival_sums);
        state->heard = 0u;
    }
    state->heard = (uint16_t)fx_minu32(state->heard + 1u, DETECT_SPAN + 1u);
    state->wait -= fx_minu32(state->wait, elapsed);
    state->time = time;
    leave_center(embedding, rule->center, rule->inputs);
    add_similarities(state, rule, embedding);
    *event = (struct detect_event){.time = time, .score = INT32_MIN};
    if (!take_scores(state, rule, event) || state->heard <= DETECT_SPAN || state->wait > 0u) {
        return false;
    }
    state->wait = rule->refractory; /* also of what is silent, which goes on being like the word */
    return !event->is_rival;
}

/* Of the direction of a way, Q15. */
static int32_t component(int32_t away, int32_t inverse) {
    return (int32_t)(((int64_t)away * inverse) >> 15);
}

/* In steps of a template, of a vector of this length. */
static int8_t scaled(int32_t component, uint32_t length) {
    return (int8_t)myna_fx_divide((int64_t)DETECT_UNIT * component, length > 0u ? length : 1u);
}

void myna_detect_add(int16_t *embedding, const int16_t *center, uint32_t inputs, int32_t *total) {
    leave_center(embedding, center, inputs);
    int32_t inverse = inverse_length(embedding, inputs);
    for (uint32_t i = 0u; i < inputs; i++) {
        total[i] += component(embedding[i], inverse);
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

void myna_detect_one(int16_t *embedding, const int16_t *center, uint32_t inputs,
                     int8_t *direction) {
    leave_center(embedding, center, inputs);
    const int32_t inverse = inverse_length(embedding, inputs);
    uint64_t square = 0u;
    for (uint32_t i = 0u; i < inputs; i++) {
        int32_t along = component(embedding[i], inverse);
        square += (uint64_t)((int64_t)along * along);
    }
    uint32_t length = myna_fx_isqrt(square);
    for (uint32_t i = 0u; i < inputs; i++) {
        direction[i] = scaled(component(embedding[i], inverse), length);
    }
}
