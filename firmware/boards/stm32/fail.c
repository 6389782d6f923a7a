/* SPDX-License-Identifier: Apache-2.0 */
/* A failure is told over the port, as text between line ends; then the board stands still. */
#include "boards/port.h"
#include "boards/stm32/stm32f4.h"

#include <string.h>

_Noreturn void myna_port_fail(const char *message) {
    static const uint8_t end = '\n';
    core_disable_interrupts();
    myna_port_write(&end, 1u);
    myna_port_write((const uint8_t *)message, strlen(message));
    myna_port_write(&end, 1u);
    for (;;) {
        core_wait_for_interrupt();
    }
}
