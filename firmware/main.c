/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware: answer requests from the port, sleep in between. */
#include "boards/port.h"
#include "server/server.h"

int main(void) {
    myna_port_init();
    myna_server_init();
    for (;;) {
        if (!myna_server_poll()) {
            myna_port_idle();
        }
    }
}
