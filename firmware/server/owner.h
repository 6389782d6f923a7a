/* SPDX-License-Identifier: Apache-2.0 */
/* Whether it is the owner who says a word; twin of toolchain/myna/learn/owner.py */
#ifndef MYNA_OWNER_H
#define MYNA_OWNER_H

/* whose word a clip is */
enum owner_verdict {
    OWNER_ACCEPTED,
    OWNER_OTHER_VOICE,
    OWNER_NONE, /* nobody enrolled this word as the owner, or the model cannot tell voices */
    OWNER_NO_WORD,
};

#endif
