/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_BOARDS_STACK_H
#define MYNA_BOARDS_STACK_H

/* Fills the stack that is not in use, so that one sees later how deep it got. */
void myna_stack_paint(void);

#endif
