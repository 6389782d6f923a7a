/* SPDX-License-Identifier: Apache-2.0 */
/* What a UART's interrupt has received. */
#include "boards/cortex_m/receive.h"

#include "boards/cortex_m/core.h"
#include "boards/port.h"

struct ring myna_received;

size_t myna_port_read(uint8_t *bytes, size_t capacity) {
    return ring_take(&myna_received, bytes, capacity);
}

/* With interrupts masked, one that comes after the check still ends the wait. */
void myna_port_idle(void) {
    core_disable_interrupts();
    if (ring_empty(&myna_received)) {
        core_wait_for_interrupt();
    }
    core_enable_interrupts();
}

size_t myna_port_rx_window(void) {
    return MYNA_PORT_RX_WINDOW;
}
