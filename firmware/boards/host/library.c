/* SPDX-License-Identifier: Apache-2.0 */
/* The C core as a shared library: the same model, called in-process instead of over serial. */
#include "boards/host/library.h"

#include <string.h>

#include "runtime/model.h"

uint8_t *myna_library_state(uint32_t *bytes) {
    *bytes = myna_model.state_bytes;
    return myna_model.state;
}

void myna_library_reset(void) {
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
}

void myna_library_infer(const int8_t *features, int8_t *logits) {
    uint32_t bytes = (uint32_t)myna_model.frames * myna_model.coefficients;
    memcpy(myna_model.features, features, bytes);
    myna_model.infer(NULL);
    memcpy(logits, myna_model.logits, myna_model.logit_count);
}

int32_t myna_library_train_step(const int8_t *features, int32_t label, myna_trace_fn trace) {
    uint32_t bytes = (uint32_t)myna_model.frames * myna_model.coefficients;
    memcpy(myna_model.features, features, bytes);
    *myna_model.label = label;
    myna_model.train_step(trace);
    return *myna_model.loss;
}

int32_t myna_library_rehearse(const int8_t *latent, int32_t label) {
    memcpy(myna_model.latent, latent, myna_model.latent_bytes);
    *myna_model.label = label;
    myna_model.rehearse();
    return *myna_model.loss;
}

void myna_library_recall(const int8_t *latent, int8_t *logits) {
    memcpy(myna_model.latent, latent, myna_model.latent_bytes);
    myna_model.recall();
    memcpy(logits, myna_model.logits, myna_model.logit_count);
}

void myna_library_compare(const int8_t *latent) {
    memcpy(myna_model.latent, latent, myna_model.latent_bytes);
    myna_model.compare();
}

void myna_library_encode(const int8_t *features, int8_t *latent) {
    memcpy(myna_model.features, features, (size_t)myna_model.frames * myna_model.coefficients);
    myna_model.encode();
    memcpy(latent, myna_model.latent, myna_model.latent_bytes);
}

void myna_library_embed(const int8_t *features, int32_t *embedding) {
    memcpy(myna_model.features, features, (size_t)myna_model.frames * myna_model.coefficients);
    myna_model.infer(NULL);
    for (uint32_t i = 0u; i < myna_model.embedding_size; i++)
        embedding[i] = myna_model.embedding[i] - myna_model.embedding_zero;
}

const int32_t *myna_library_similarity(void) {
    return myna_model.similarity;
}

int8_t *myna_library_codeword(void) {
    return myna_model.codeword;
}

void myna_library_imprint(int32_t label, const int32_t *total, int32_t shots, int32_t halvings) {
    memcpy(myna_model.embedding_total, total, myna_model.embedding_size * sizeof *total);
    *myna_model.label = label;
    *myna_model.shots = shots;
    *myna_model.halvings = halvings;
    myna_model.imprint();
}

const int32_t *myna_library_score_voice(const int8_t *features, int8_t *voice) {
    memcpy(myna_model.voice_features, features,
           (size_t)myna_model.frames * myna_model.coefficients);
    myna_model.score_voice();
    memcpy(voice, myna_model.voice, myna_model.voice_size);
    return myna_model.owner_score;
}

const void *myna_library_output(uint16_t node, uint16_t index, uint32_t *bytes) {
    struct myna_node entry = myna_model.nodes[node];
    if (index >= entry.count)
        return NULL;
    *bytes = myna_model.outputs[entry.first + index].bytes;
    return myna_model.outputs[entry.first + index].data;
}
