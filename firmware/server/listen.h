/* SPDX-License-Identifier: Apache-2.0 */
/* Clips that nobody has labelled; twin of toolchain/myna/learn/listen.py */
#ifndef MYNA_LISTEN_H
#define MYNA_LISTEN_H

#include "runtime/clips.h"

#include <stdint.h>

#define LISTEN_VIEWS 4u /* variations under which a word should stay the same */

/* Why a clip is kept or not. */
enum listen_verdict {
    LISTEN_KEPT,
    LISTEN_OTHER,        /* silence, or a class that is not to be adapted */
    LISTEN_UNTAUGHT,     /* neither the user nor a memory ever said how the class sounds */
    LISTEN_UNSURE,       /* another class is nearly as likely */
    LISTEN_CROWDED,      /* the class has as many such clips as it may have */
    LISTEN_INCONSISTENT, /* its variations are taken for other words */
};

/* How many of the variations of a feature map the model takes for `label`. */
uint16_t myna_listen_agreement(const int8_t *features, uint16_t label);

#endif
