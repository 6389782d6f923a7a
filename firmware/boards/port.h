/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the firmware asks of a board: one byte stream, idle, reset, memory that lasts, and how
 * deep the stack got. */
#ifndef MYNA_BOARDS_PORT_H
#define MYNA_BOARDS_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "storage/nvm.h"

/* Bytes that may be on their way to the board at once; a sender that keeps to it loses nothing,
   however long the core computes. */
#define MYNA_PORT_RX_WINDOW 1024u

/* Identifier of the board, as in firmware/platform/boards. */
extern const char myna_port_name[];

void myna_port_init(void);

/* Takes up to `capacity` received bytes without waiting; returns how many. */
size_t myna_port_read(uint8_t *bytes, size_t capacity);

/* Sends `count` bytes; returns when the last one has been handed to the hardware. */
void myna_port_write(const uint8_t *bytes, size_t count);

/* Sleeps until something may have been received. */
void myna_port_idle(void);

size_t myna_port_rx_window(void);

/* Restarts the board as after power-up; the connection stays open. */
_Noreturn void myna_port_reset(void);

/* Reports a fault or a failed assertion where a developer sees it, and stops the board. */
_Noreturn void myna_port_fail(const char *message);

/* Bytes reserved for the stack, and the most that were ever in use; both 0 on the host board, whose
   stack belongs to the operating system. */
uint32_t myna_port_stack_size(void);
uint32_t myna_port_stack_high_water(void);

/* Memory that keeps its contents without power; NULL if the board has none, or none to spare. */
const struct myna_nvm *myna_port_nvm(void);

#endif
