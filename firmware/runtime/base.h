/* SPDX-License-Identifier: Apache-2.0 */
/* The state that host and board both know, of which they tell each other differences. */
#ifndef MYNA_BASE_H
#define MYNA_BASE_H

#include "config.h" /* of the generated model */
#include "runtime/codec.h"

#include <stdbool.h>
#include <stdint.h>

#define MYNA_BASE_ROOM (MYNA_STATE_COPIES > 0 ? MYNA_STATE_BYTES : 1)
#define MYNA_UNSENT_ROOM (MYNA_STATE_COPIES > 1 ? MYNA_STATE_BYTES : 1)

/* Room for one state, if the build has any: the base, or what ADAPT may have to put back. */
extern uint8_t myna_base[MYNA_BASE_ROOM];
extern bool myna_base_is_set;
/* Of a second one: the base and what was not sent, which learning does not begin with. */
extern uint8_t myna_unsent[MYNA_UNSENT_ROOM];

/* Whether nothing that is still needed lies there. */
static inline bool myna_base_is_free(void) {
    return MYNA_STATE_COPIES > 0 && !myna_base_is_set;
}

/* Makes the state in use the base; nothing is unsent. False if the build has no room. */
__attribute__((warn_unused_result)) bool myna_base_set(void);

/* All below: there is a base. */

/* Takes the state so many 256ths of the way back to the base, rounded towards it. */
void myna_base_retreat(uint32_t share);
/* Adds what the state has beyond the base to what was not sent; then it is the base, but for
   tensors that are private. */
void myna_base_owe(struct private_tensors private);
/* Exchanges the state, and the block of the base and what was not sent. */
void myna_base_swap(void);

#endif
