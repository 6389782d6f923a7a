/* SPDX-License-Identifier: Apache-2.0 */
/* Any number of bytes of non-volatile memory: programmed, checked. */
#ifndef MYNA_PROGRAM_H
#define MYNA_PROGRAM_H

#include "storage/nvm.h"

/* Programs and verifies `count` bytes at `offset`, a multiple of the program unit; the last unit is
   filled up with ones, which change nothing. */
__attribute__((warn_unused_result)) bool
myna_nvm_program(const struct myna_nvm *nvm, uint32_t offset, const void *data, uint32_t count);

/* Whether all of it is erased. */
__attribute__((warn_unused_result)) bool myna_nvm_is_blank(const struct myna_nvm *nvm);

#endif
