/* SPDX-License-Identifier: Apache-2.0 */
/* A RAM of the emulated machine that QEMU keeps in a file. Whoever makes the file puts a mark at
   its start, because without one the same RAM is there but forgets. */
#include "boards/virtual/flash.h"

#include <stddef.h>
#include <string.h>

#define MARK "MYNA-NVM"

uint8_t *myna_virtual_flash_memory(void) {
    uint8_t *ram = (uint8_t *)VIRTUAL_FLASH_RAM;
    return memcmp(ram, MARK, sizeof MARK - 1u) == 0 ? ram + FLASH_ERASE_BYTES : NULL;
}
