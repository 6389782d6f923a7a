/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/secret.h"

#include "runtime/arena.h"
#include "runtime/model.h"

#include <stddef.h>
#include <string.h>

uint32_t myna_secret_known(void) {
    return (1u << myna_model.code_bits) - 1u;
}

/* A code's words are the products of its rows; each bit of a number takes a row or leaves it. */
static void expand(uint32_t number) {
    for (uint32_t i = 0u; i < myna_model.logit_count; i++) {
        int32_t sign = 1;
        for (uint32_t bit = 0u; bit < myna_model.code_bits; bit++) {
            if ((number >> bit & 1u) != 0u) {
                sign *= myna_model.code_rows[bit * myna_model.logit_count + i];
            }
        }
        myna_model.codeword[i] = (int8_t)sign;
    }
}

bool myna_secret_is_drawn(void) {
    return myna_model.secret != NULL && myna_model.secret->drawn > 0u;
}

bool myna_secret_forbids(uint8_t type, const union message_request *request) {
    if (!myna_secret_is_drawn()) {
        return false;
    }
    switch (type) {
    case MESSAGE_HEAR:
    case MESSAGE_INFER:  /* what it makes of a clip looks like the codeword, */
    case MESSAGE_LISTEN: /* and so does how sure it is */
    case MESSAGE_ADAPT:
    case MESSAGE_TRACE_READ:
    case MESSAGE_TENSOR_READ:
        return true;
    case MESSAGE_TRAIN:
        return request->train.trace != 0u || request->train.stop_after != MESSAGE_NO_NODE;
    default:
        return false;
    }
}

void myna_secret_forget(void) {
    if (myna_secret_is_drawn()) {
        myna_arena_take(ARENA_MODEL);
        memset(myna_model.arena, 0, myna_model.arena_bytes);
        *myna_model.secret = (struct myna_secret){0};
        expand(myna_secret_known());
    }
}

bool myna_secret_restore(void) {
    if (myna_model.secret == NULL) {
        return true;
    }
    if (myna_model.secret->drawn > myna_secret_known()) {
        return false;
    }
    expand(myna_secret_is_drawn() ? myna_model.secret->drawn - 1u : myna_secret_known());
    return true;
}

void myna_secret_take(uint32_t number) {
    *myna_model.secret = (struct myna_secret){.drawn = number + 1u};
    expand(number);
}
