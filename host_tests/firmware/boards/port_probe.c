/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the server (linked with --wrap): tries every function of boards/port.h, so that a
   board is tested whatever the model and the protocol. One letter commands, everything else echoes.
 */
#include "boards/port.h"
#include "server/server.h"

#include <assert.h>
#include <string.h>

#define BUSY_ITERATIONS 30000000u
#define DEEP_BYTES 1024u

void __wrap_myna_server_init(void);
bool __wrap_myna_server_poll(void);

static volatile uint32_t sink;
static int (*volatile descend)(int);

static void be_busy(void) {
    for (uint32_t i = 0; i < BUSY_ITERATIONS; i++) {
        sink = i;
    }
}

static int use_stack(int levels) {
    volatile uint8_t frame[DEEP_BYTES];
    memset((void *)(uintptr_t)frame, levels, sizeof frame);
    return levels == 0 ? 0 : descend(levels - 1) + frame[0];
}

static void answer_stack(void) {
    uint32_t answer[] = {myna_port_stack_size(), myna_port_stack_high_water()};
    myna_port_write((const uint8_t *)answer, sizeof answer);
}

static void obey(uint8_t command) {
    switch (command) {
    case 'n':
        myna_port_write((const uint8_t *)myna_port_name, strlen(myna_port_name));
        break;
    case 'w':
        sink = (uint32_t)myna_port_rx_window();
        myna_port_write((const uint8_t *)(uintptr_t)&sink, 4);
        break;
    case 'b':
        be_busy();
        break;
    case 's':
        answer_stack();
        break;
    case 'd':
        sink = (uint32_t)descend(2);
        answer_stack();
        break;
    case 'o':
        sink = (uint32_t)descend(100000);
        break;
    case 'r':
        myna_port_reset();
    case 'a':
        assert(sink == UINT32_MAX);
        break;
    case 'u':
        __builtin_trap();
    default:
        myna_port_write(&command, 1);
    }
}

void __wrap_myna_server_init(void) {
    descend = use_stack;
}

bool __wrap_myna_server_poll(void) {
    uint8_t bytes[100];
    size_t count = myna_port_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        obey(bytes[i]);
    }
    return count > 0u;
}
