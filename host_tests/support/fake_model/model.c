/* SPDX-License-Identifier: Apache-2.0 */
/* As small as a model can be that the server's tests can follow: the logits are row sums, and a
   step stirs features, step and row together so that order and number of steps both matter. */
#include "runtime/model.h"

#include "runtime/recording.h"

#include "audio_tables.h" /* rendered by the test */
#include "config.h"

#include <stddef.h>

struct state {
    int32_t step, seed, classes;
    uint8_t rows[MYNA_MAX_CLASSES][MYNA_FEATURE_BYTES];
};

static const struct state state_init = {.step = 0, .seed = 7, .classes = 10};
static struct state state;

static const struct myna_bound state_bounds[] = {
    {offsetof(struct state, classes), 1, 1, MYNA_MAX_CLASSES, MYNA_INT32},
};

static union {
    struct myna_recording recording;
    struct {
        int8_t features[MYNA_FEATURE_BYTES];
        int8_t logits[MYNA_MAX_CLASSES];
        int32_t label, loss;
    };
} arena;

static void compute_logits(void) {
    for (size_t row = 0; row < MYNA_MAX_CLASSES; row++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < MYNA_FEATURE_BYTES; i++) {
            sum += state.rows[row][i] * (uint32_t)(uint8_t)arena.features[i];
        }
        arena.logits[row] = (int8_t)((int32_t)(sum & 255u) - 128);
    }
}

static void update_row(void) {
    uint8_t *row = state.rows[arena.label];
    for (size_t i = 0; i < MYNA_FEATURE_BYTES; i++) {
        row[i] = (uint8_t)(row[i] * 3u + (uint8_t)arena.features[i] + (uint32_t)state.step);
    }
}

static void infer(myna_trace_fn trace) {
    compute_logits();
    if (trace != NULL) {
        (void)trace(0);
    }
}

static void train_step(myna_trace_fn trace) {
    compute_logits();
    if (trace != NULL && !trace(0)) {
        return;
    }
    update_row();
    if (trace != NULL && !trace(1)) {
        return;
    }
    arena.loss = arena.label * 65536 + state.step;
    state.step++;
    if (trace != NULL) {
        (void)trace(2);
    }
}

/* nothing is frozen: the latent is the features */
static void encode(void) {}

static void rehearse(void) {
    train_step(NULL);
}

static const struct myna_node node_table[] = {{0, 1}, {1, 1}, {2, 2}};
static const struct myna_output output_table[] = {
    {arena.logits, sizeof arena.logits},
    {state.rows, sizeof state.rows},
    {&arena.loss, sizeof arena.loss},
    {&state.step, sizeof state.step},
};

const struct myna_model myna_model = {
    .abi = MYNA_MODEL_ABI,
    .fingerprint = 0x12345678,
    .name = "fake",
    .labels = "silence\nunknown\nyes\nno\nup\ndown\nleft\nright\non\noff\nspare-1\nspare-2",
    .options = "{\"clips\": 32}",
    .max_classes = MYNA_MAX_CLASSES,
    .silence = 0,
    .unknown = 1,
    .frames = 49,
    .coefficients = 10,
    .audio = &audio_config,
    .features = arena.features,
    .label = &arena.label,
    .logits = arena.logits,
    .logit_count = sizeof arena.logits,
    .loss = &arena.loss,
    .state = (uint8_t *)&state,
    .state_init = (const uint8_t *)&state_init,
    .state_bounds = state_bounds,
    .bound_count = 1,
    .state_bytes = sizeof state,
    .kept_bytes = sizeof state,
    .arena = (uint8_t *)&arena,
    .arena_bytes = sizeof arena,
    .recording = &arena.recording,
    .step = &state.step,
    .seed = &state.seed,
    .classes = &state.classes,
    .nodes = node_table,
    .outputs = output_table,
    .infer_nodes = 1,
    .node_count = 3,
    .infer = infer,
    .train_step = train_step,
    .embedding = arena.features,
    .latent = arena.features,
    .encode = encode,
    .rehearse = rehearse,
    .recall = compute_logits,
};
