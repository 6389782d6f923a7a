/* SPDX-License-Identifier: Apache-2.0 */
/* Learning that is undone if it did harm; twin of toolchain/myna/learn/listen.py */
#ifndef MYNA_ADAPT_H
#define MYNA_ADAPT_H

#include <stdint.h>

/* Bytes of the copy of a state; where there is no room for one, storage keeps it instead. */
extern const uint32_t myna_adapt_backup_bytes;

#endif
