/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a board must supply: one byte stream, sleep, reset, memory that lasts, and how deep the
 * stack got. The core calls these functions from the thread that calls myna_server_poll, never from
 * an interrupt and never two at a time.
 */
#ifndef MYNA_BOARDS_PORT_H
#define MYNA_BOARDS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/nvm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that the boards here can hold while the core computes; see myna_port_rx_window. */
#define MYNA_PORT_RX_WINDOW 1024u

/* Identifier of the board, as in firmware/platform/boards. The host is told its first 24 bytes. */
extern const char myna_port_name[];

/*
 * Makes the byte stream ready. The application calls it once, before all else.
 */
void myna_port_init(void);

/*
 * Takes received bytes, at most `capacity` of them (> 0), in their order, and returns how many; 0
 * if there are none. It does not wait. Called by myna_server_poll alone.
 */
size_t myna_port_read(uint8_t *bytes, size_t capacity);

/*
 * Sends `count` bytes and returns when the last one has been handed to the hardware, so that
 * `bytes` may change. It may wait, but not for a listener: what nobody takes is lost, and the
 * protocol mends it. Called by myna_server_poll for replies, and while a long request runs.
 */
void myna_port_write(const uint8_t *bytes, size_t count);

/*
 * Sleeps until something may have been received; it may return earlier. A byte that arrives just
 * before it must end the sleep, too, and so should an interrupt that brings sound. The application
 * calls it when myna_server_poll found nothing.
 */
void myna_port_idle(void);

/*
 * Bytes that may be on their way to the board at once, at least 524 (one frame): the board holds as
 * many while the core computes, which can be minutes, so a host that keeps to it loses nothing.
 * Constant; the server tells the host.
 */
size_t myna_port_rx_window(void);

/*
 * Restarts the board as after power-up; the connection stays open. For applications: the core does
 * not call it.
 */
__attribute__((noreturn)) void myna_port_reset(void);

/*
 * Reports a fault or a failed assertion where a developer sees it, and stops the board. `message`
 * is one line without its end. It may be called at any time, also from a fault handler on a stack
 * of 512 bytes.
 */
__attribute__((noreturn)) void myna_port_fail(const char *message);

/*
 * Bytes reserved for the stack, and the most that were in use since the board started; both 0 where
 * the stack belongs to an operating system. The server tells the host.
 */
uint32_t myna_port_stack_size(void);
uint32_t myna_port_stack_high_water(void);

/*
 * Memory that keeps its contents without power; NULL if the board has none, or none to spare. What
 * it points to does not change as long as the board runs. Called by myna_server_init.
 */
const struct myna_nvm *myna_port_nvm(void);

/*
 * Fills `bytes` with `count` random ones that nobody can foretell, from hardware made for it: a
 * user's secret codeword is drawn by them. false: the board has no such source, and draws none.
 * Called while CODEWORD_DRAW is executed.
 */
__attribute__((warn_unused_result)) bool myna_port_random(void *bytes, size_t count);

#ifdef __cplusplus
}
#endif

#endif
