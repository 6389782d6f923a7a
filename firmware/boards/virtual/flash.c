/* SPDX-License-Identifier: Apache-2.0 */
#include "boards/virtual/flash.h"

#include "boards/port.h"

#include <assert.h>

/* Volatile, so that a board that is killed half-way has done everything before and nothing after.
 */
static bool erase(uint32_t offset) {
    volatile uint8_t *unit = myna_virtual_flash_memory() + offset;
    assert(offset % FLASH_ERASE_BYTES == 0u && offset < FLASH_BYTES);
    for (uint32_t i = 0u; i < FLASH_ERASE_BYTES; i++) {
        unit[i] = 0xFFu;
    }
    return true;
}

static bool program(uint32_t offset, const uint8_t *data, uint32_t count) {
    volatile uint8_t *unit = myna_virtual_flash_memory() + offset;
    assert(offset % FLASH_PROGRAM_BYTES == 0u && count % FLASH_PROGRAM_BYTES == 0u);
    assert(count <= FLASH_BYTES && offset <= FLASH_BYTES - count);
    for (uint32_t i = 0u; i < count; i++) {
        unit[i] &= data[i];
    }
    return true;
}

const struct myna_nvm *myna_port_nvm(void) {
    static struct myna_nvm flash = {
        .bytes = FLASH_BYTES,
        .erase_bytes = FLASH_ERASE_BYTES,
        .program_bytes = FLASH_PROGRAM_BYTES,
        .erase = erase,
        .program = program,
    };
    flash.memory = myna_virtual_flash_memory();
    return flash.memory != NULL ? &flash : NULL;
}
