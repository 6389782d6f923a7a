/* SPDX-License-Identifier: Apache-2.0 */
/* The weight update; specification: toolchain/myna/ops/sgd.py */
#ifndef MYNA_SGD_H
#define MYNA_SGD_H

#include "kernels/pairs.h"

#define MASTER_MAX (127 * 256 + 127)
#define MASTER_MIN (-127 * 256 - 128)
#define BIAS_MAX ((1 << 29) - 1)

/* what all updates of one tensor share */
struct sgd {
    struct fx_pair base; /* rate * scale of dy */
    uint32_t key;
    const int32_t *steps;
};

static inline struct sgd sgd_begin(const int32_t *scale, const int32_t *steps, const int32_t *rate,
                                   const int32_t *seed, const int32_t *step, uint32_t tag) {
    return (struct sgd){myna_fx_pair_mul(load_pair(rate), load_pair(scale)),
                        fx_key((uint32_t)*seed, (uint32_t)*step, tag), steps};
}

/* accumulator -> Q16 steps, for one output channel */
static inline struct fx_multiplier sgd_channel(const struct sgd *sgd, uint32_t channel) {
    struct fx_pair pair = myna_fx_pair_mul(sgd->base, load_pair(sgd->steps + 2u * channel));
    if (pair.mantissa != 0)
        pair.exponent += 16;
    return myna_fx_pair_multiplier(pair);
}

/* stochastically rounded steps for element `index` of the tensor */
static inline int32_t sgd_delta(const struct sgd *sgd, struct fx_multiplier by, int32_t acc,
                                uint32_t index) {
    uint32_t word = fx_random32(sgd->key, index >> 1); /* the noise of two elements */
    int32_t noise = (int32_t)((index & 1u) != 0 ? word >> 16 : word & 0xFFFFu);
    int64_t noisy = (int64_t)fx_scale32(acc, by) + noise;
    return (int32_t)(noisy >> 16);
}

static inline void sgd_apply(int8_t *weight, int8_t *residual, int32_t delta) {
    int32_t master = *weight * 256 + *residual - delta;
    if ((uint32_t)master + (uint32_t)-MASTER_MIN > (uint32_t)(MASTER_MAX - MASTER_MIN))
        master = fx_clamp32(master, MASTER_MIN, MASTER_MAX);
    *weight = (int8_t)((master + 128) >> 8);
    *residual = (int8_t)(uint8_t)master; /* the low byte is master - 256 * weight */
}

/* the updates of elements index … index + count - 1, all of one channel */
void myna_sgd_row(const struct sgd *sgd, struct fx_multiplier by, const int32_t *acc,
                  uint32_t index, uint32_t count, int8_t *weight, int8_t *residual);

struct bias_update {
    uint16_t positions, channels;
    uint32_t tag;
};

/* dy[n,c] scale[2] steps[c,2] rate[2] seed step -> bias[c] */
void myna_bias_update(const struct bias_update *p, const int8_t *dy, const int32_t *scale,
                      const int32_t *steps, const int32_t *rate, const int32_t *seed,
                      const int32_t *step, int32_t *bias);
/* -> step */
void myna_advance_step(int32_t *step);

#endif
