/* SPDX-License-Identifier: Apache-2.0 */
/* Flash emulated in memory that outlives the firmware, with the rules and units of an nRF52840. */
#ifndef MYNA_VIRTUAL_FLASH_H
#define MYNA_VIRTUAL_FLASH_H

#include <stdint.h>

#define FLASH_BYTES (512u * 1024u)
#define FLASH_ERASE_BYTES 4096u
#define FLASH_PROGRAM_BYTES 4u

/* FLASH_BYTES of memory, always the same; NULL if the board was started without. */
uint8_t *myna_virtual_flash_memory(void);

#endif
