/* SPDX-License-Identifier: Apache-2.0 */
/* The state that host and board both know, of which they tell each other differences. */
#ifndef MYNA_BASE_H
#define MYNA_BASE_H

#include "config.h" /* of the generated model */

#include <stdbool.h>
#include <stdint.h>

#define MYNA_BASE_ROOM (MYNA_BACKUP_BYTES > 0 ? MYNA_BACKUP_BYTES : 1)

/* Room for one state, if the build has any: the base, or what ADAPT may have to put back. */
extern uint8_t myna_base[MYNA_BASE_ROOM];
extern bool myna_base_is_set;

/* Whether nothing that is still needed lies there. */
static inline bool myna_base_is_free(void) {
    return MYNA_BACKUP_BYTES > 0 && !myna_base_is_set;
}

#endif
