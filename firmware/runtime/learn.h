/* SPDX-License-Identifier: Apache-2.0 */
/* How the stored clips are learned; twin of toolchain/myna/learn/learn.py */
#ifndef MYNA_LEARN_H
#define MYNA_LEARN_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

struct learn_result {
    uint16_t imprinted;    /* classes begun */
    uint16_t epochs;       /* done */
    uint16_t known_before; /* memories taken for what they are */
    uint16_t known_after;
    int32_t worst[MESSAGE_MAX_EPOCHS]; /* largest mean loss of a class in each epoch */
};

/* Whether the stored clips can be learned: STATUS_OK, or why not. */
enum status myna_learn_check(const struct message_learn *options);

/* Imprints the classes that are new, then trains until every class is learned well enough and no
   memory is lost. */
void myna_learn_run(const struct message_learn *options, struct learn_result *result);

/* Whether more memories were lost than may be. */
bool myna_learn_forgot(const struct learn_result *result);

#endif
