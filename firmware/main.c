/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware: answer requests from the port, sleep in between. */
#include "boards/port.h"
#include "runtime/server.h"

int main(void) {
    port_init();
    server_init();
    for (;;) {
        if (!server_poll()) {
            port_idle();
        }
    }
}
