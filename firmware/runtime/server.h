/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the host's requests; PROTOCOL.md says how. */
#ifndef MYNA_SERVER_H
#define MYNA_SERVER_H

#include <stdbool.h>

void myna_server_init(void);

/* Takes what the port has received; false if that was nothing. */
__attribute__((warn_unused_result)) bool myna_server_poll(void);

#endif
