/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/takes.h"

#include "kernels/fixed.h"
#include "kernels/imprint.h"
#include "runtime/clips.h"
#include "runtime/latents.h"
#include "runtime/model.h"
#include "runtime/recognize.h"

#include <stddef.h>
#include <string.h>

static int32_t embedding(uint32_t i) {
    return myna_model.embedding[i] - myna_model.embedding_zero;
}

const struct clip *myna_takes_at(uint32_t slot, uint32_t class) {
    const struct clip *clip = myna_clips_stored(slot);
    return clip != NULL && clip->label == class ? clip : NULL;
}

int32_t myna_takes_sum(uint32_t class) {
    int32_t *total = myna_model.embedding_total;
    int32_t takes = 0;
    memset(total, 0, myna_model.embedding_size * sizeof *total);
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_takes_at(slot, class);
        if (clip != NULL) {
            myna_recognize_clip(slot);
            for (uint32_t i = 0u; i < myna_model.embedding_size; i++) {
                total[i] += embedding(i);
            }
            takes++;
        }
    }
    return takes;
}

int8_t myna_takes_agreement(int32_t takes) {
    int64_t product = 0;
    uint64_t own = 0u, rest = 0u;
    for (uint32_t i = 0u; i < myna_model.embedding_size; i++) {
        int32_t center = myna_model.center[i];
        int64_t a = embedding(i) * (1 << CENTER_BITS) - center;
        int64_t b = (int64_t)myna_model.embedding_total[i] * (1 << CENTER_BITS) - takes * center;
        b -= a;
        product += a * b;
        own += (uint64_t)(a * a);
        rest += (uint64_t)(b * b);
    }
    int64_t lengths = (int64_t)myna_fx_isqrt(own) * myna_fx_isqrt(rest);
    int64_t cosine = lengths > 0 ? 127 * product / lengths : 0;
    return (int8_t)(cosine > 127 ? 127 : cosine < -127 ? -127 : cosine);
}
