/* SPDX-License-Identifier: Apache-2.0 */
#include "server/user.h"

#include "boards/port.h"
#include "kernels/fixed.h"
#include "runtime/arena.h"
#include "runtime/model.h"
#include "runtime/recognize.h"
#include "runtime/secret.h"
#include "runtime/state.h"
#include "server/handlers.h"

#include <stddef.h>

#define ONE_Q15 32768
#define PERCENT 100u
#define DRAWS 8u /* of which none is a secret, once in 8192^8: the source is stuck */

/* A number below the known one; false: the board has no source of random numbers. */
static bool draw(uint32_t *number) {
    uint32_t random;
    for (uint32_t i = 0u; i < DRAWS; i++) {
        if (!myna_port_random(&random, sizeof random)) {
            return false;
        }
        *number = random & myna_secret_known();
        if (*number != myna_secret_known()) {
            return true;
        }
    }
    return false;
}

enum status myna_handle_codeword_draw(const struct request *request, struct reply *reply) {
    struct message_codeword_draw_reply result = {0};
    uint32_t number;
    if (myna_model.secret == NULL) {
        return STATUS_NO_CODEWORD;
    }
    if (!myna_secret_is_drawn() || request->fixed.codeword_draw.again != 0u) {
        if (!draw(&number)) {
            return STATUS_NO_RANDOM;
        }
        myna_secret_take(number);
        result.drawn = 1u;
    }
    myna_reply_put(reply, &result, sizeof result);
    return STATUS_OK;
}

int32_t myna_user_score(const struct clip *clip) {
    myna_recognize(clip->features);
    int64_t scaled = (int64_t)*myna_model.correlation * ONE_Q15;
    return myna_fx_divide(scaled, (uint32_t)myna_model.correlation_full);
}

/* The scores of the clips that the user labelled, ascending; how many. */
static uint32_t warm_up(int32_t scores[MYNA_MAX_CLIPS]) {
    uint32_t count = 0u;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        if (clip != NULL && !clip->guessed) {
            int32_t found = myna_user_score(clip);
            uint32_t at = count++;
            for (; at > 0u && scores[at - 1u] > found; at--) {
                scores[at] = scores[at - 1u];
            }
            scores[at] = found;
        }
    }
    return count;
}

enum status myna_handle_codeword_warm_up(const struct request *request, struct reply *reply) {
    uint32_t wanted = request->fixed.codeword_warm_up.wanted;
    int32_t scores[MYNA_MAX_CLIPS];
    if (!myna_secret_is_drawn()) {
        return STATUS_NO_CODEWORD;
    }
    if (wanted == 0u || wanted >= PERCENT) {
        return STATUS_BAD_RANGE;
    }
    if (myna_state_info.is_incomplete) {
        return STATUS_STATE_INCOMPLETE;
    }
    myna_arena_take(ARENA_MODEL);
    struct message_codeword_warm_up_reply result = {.takes = (uint16_t)warm_up(scores)};
    if (result.takes == 0u) {
        return STATUS_BAD_SLOT;
    }
    uint32_t k = (PERCENT - wanted) * (result.takes + 1u) / PERCENT;
    myna_model.secret->threshold = scores[k > 0u ? k - 1u : 0u];
    myna_model.secret->warm_up = result.takes;
    myna_reply_put(reply, &result, sizeof result);
    return STATUS_OK;
}

bool myna_user_is_enrolled(void) {
    return myna_secret_is_drawn() && myna_model.secret->warm_up > 0u;
}
