/* SPDX-License-Identifier: Apache-2.0 */
/* Which classifications are accepted; twin of toolchain/myna/learn/accept.py */
#ifndef MYNA_ACCEPT_H
#define MYNA_ACCEPT_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCEPT_VARIATIONS 2u /* of each clip, by which is calibrated */

/* Of what was inferred last: similarity to a class beyond what is typical of it (Q15). */
int32_t myna_accept_confidence(uint32_t label);
bool myna_accept_reaches(int32_t confidence);
/* Whether it does, or is so near that the user may know better. */
bool myna_accept_nearly(int32_t confidence);

/* Calibrates from variations of the stored clips, drawn with this key, and from the memories: what
   is typical of each class, and the threshold. */
void myna_accept_calibrate(const struct message_learn *options, uint32_t key);

#endif
