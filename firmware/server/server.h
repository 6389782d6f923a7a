/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the host's requests; PROTOCOL.md says how. */
#ifndef MYNA_SERVER_H
#define MYNA_SERVER_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the stored state the one in use, or the initial one if none of this model is stored; no
   clip is stored. Called once, after myna_port_init. */
void myna_server_init(void);

/*
 * Takes what the port has received and executes the requests in it, which may take as long as an
 * enrollment does, and hears some of the sound that arrived; false if there was neither. Called
 * again and again, with myna_port_idle where it returns false.
 */
__attribute__((warn_unused_result)) bool myna_server_poll(void);

#ifdef __cplusplus
}
#endif

#endif
