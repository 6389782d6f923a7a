/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/detect.h"

#include "kernels/fixed.h"

#include <string.h>

/* Each class's logit minus the largest other one. */
static void put_leads(const int8_t *logits, uint32_t classes, int16_t *leads) {
    int32_t first = INT8_MIN, second = INT8_MIN;
    for (uint32_t i = 0u; i < classes; i++) {
        second = fx_max32(second, fx_min32(first, logits[i]));
        first = fx_max32(first, logits[i]);
    }
    for (uint32_t i = 0u; i < classes; i++) {
        leads[i] = (int16_t)(logits[i] - (logits[i] == first ? second : first));
    }
}

/* Replaces the oldest leads by new ones; the sums follow. */
static void advance(struct detect_state *state, const struct detect_rule *rule,
                    const int8_t *logits) {
    int16_t *row = state->leads[state->next];
    for (uint32_t i = 0u; state->filled == rule->span && i < rule->classes; i++) {
        state->scores[i] -= row[i];
    }
    put_leads(logits, rule->classes, row);
    for (uint32_t i = 0u; i < rule->classes; i++) {
        state->scores[i] += row[i];
    }
    state->next = (uint16_t)(state->next + 1u == rule->span ? 0u : state->next + 1u);
    state->filled = (uint16_t)fx_minu32(state->filled + 1u, rule->span);
}

/* What is beyond its threshold most, the first of equals; whether anything is. */
static bool choose(const struct detect_state *state, const struct detect_rule *rule,
                   uint16_t *label) {
    int64_t most = -1;
    for (uint16_t i = 0u; i < rule->classes; i++) {
        int64_t excess = (int64_t)state->scores[i] - rule->thresholds[i];
        if (excess > most) {
            most = excess;
            *label = i;
        }
    }
    return most >= 0;
}

bool myna_detect_push(struct detect_state *state, const struct detect_rule *rule,
                      const int8_t *logits, uint32_t time, struct detect_event *event) {
    uint32_t elapsed = time - state->time;
    if (state->filled > 0u && elapsed != rule->period) {
        state->filled = state->next = 0u;
        memset(state->scores, 0, sizeof state->scores);
    }
    state->wait -= fx_minu32(state->wait, elapsed);
    state->time = time;
    advance(state, rule, logits);
    if (state->filled < rule->span || state->wait > 0u || !choose(state, rule, &event->label)) {
        return false;
    }
    event->time = time;
    event->score = state->scores[event->label];
    state->wait = rule->refractory;
    return true;
}
