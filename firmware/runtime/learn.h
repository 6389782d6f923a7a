/* SPDX-License-Identifier: Apache-2.0 */
/* How the stored clips are learned; twin of toolchain/myna/learn/learn.py */
#ifndef MYNA_LEARN_H
#define MYNA_LEARN_H

#include "protocol/messages.h"

#include <stdint.h>

struct learn_result {
    uint16_t imprinted;                /* classes begun */
    uint16_t epochs;                   /* done */
    int32_t worst[MESSAGE_MAX_EPOCHS]; /* largest mean loss of a class in each epoch */
};

/* Whether the stored clips can be learned: STATUS_OK, or why not. */
enum status myna_learn_check(const struct message_learn *options);

/* Imprints the classes that are new, then trains until every class is learned well enough. */
void myna_learn_run(const struct message_learn *options, struct learn_result *result);

#endif
