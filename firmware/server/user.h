/* SPDX-License-Identifier: Apache-2.0 */
/* Whether it is the user who speaks, told by his codeword; twin of toolchain/myna/learn/user.py */
#ifndef MYNA_USER_H
#define MYNA_USER_H

#include "runtime/clips.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a user has a codeword, and a threshold. */
bool myna_user_is_enrolled(void);

/* How far a clip says the codeword (Q15). */
int32_t myna_user_score(const struct clip *clip);

#endif
