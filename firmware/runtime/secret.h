/* SPDX-License-Identifier: Apache-2.0 */
/* The codeword that a model learns: the user's, which the board keeps to itself, or a known one. */
#ifndef MYNA_SECRET_H
#define MYNA_SECRET_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

/* The number of the codeword that everybody knows, the largest: no user gets it. */
uint32_t myna_secret_known(void);

/* Whether one is in use that nobody else knows. */
bool myna_secret_is_drawn(void);

/* Whether the answer to a request would show what is computed with such a one. */
bool myna_secret_forbids(uint8_t type, const union message_request *request);

/* Makes the codeword of a number the user's, of whom nothing else is known yet. */
void myna_secret_take(uint32_t number);

/* The codeword that everybody knows again; nothing stays of what was computed with the user's. */
void myna_secret_forget(void);

/* The codeword of which the number was stored; false: there is no such one. */
bool myna_secret_restore(void);

#endif
