/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on while something takes long: called between two inferences or training steps. */
#ifndef MYNA_PROGRESS_H
#define MYNA_PROGRESS_H

#include <stdint.h>

/* Whom to call with how far it is; NULL: nobody. */
void myna_progress_set(void (*attend)(uint32_t done));

void myna_progress(uint32_t done);

#endif
