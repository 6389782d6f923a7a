/* SPDX-License-Identifier: Apache-2.0 */
/* Two sectors of 128 KB at the end of the flash keep what was learned. */
#include "boards/port.h"
#include "boards/stm32/stm32f4.h"

#include <string.h>

#define SECTOR_BYTES 0x20000u
#define FIRST_SECTOR 10u
#define STORE ((const uint8_t *)0x080C0000u) /* of sectors 10 and 11 */

/* The core stands still while it reads flash that is busy; erasing takes up to two seconds. */
static void wait(void) {
    while ((FLASH_SR & FLASH_SR_BUSY) != 0u) {
    }
}

/* Errors of before stay until they are cleared, and would forbid everything. */
static void begin(uint32_t operation) {
    wait();
    FLASH_KEYR = FLASH_KEY1;
    FLASH_KEYR = FLASH_KEY2;
    FLASH_SR = FLASH_SR_ERRORS;
    FLASH_CR = operation;
}

/* The data cache knows nothing of what changed. */
static bool end(void) {
    wait();
    bool good = (FLASH_SR & FLASH_SR_ERRORS) == 0u;
    FLASH_CR = FLASH_CR_LOCK;
    FLASH_ACR &= ~FLASH_ACR_DCACHE;
    FLASH_ACR |= FLASH_ACR_DCACHE_RESET;
    FLASH_ACR &= ~FLASH_ACR_DCACHE_RESET;
    FLASH_ACR |= FLASH_ACR_DCACHE;
    return good;
}

static bool erase(uint32_t offset) {
    const uint32_t sector = FIRST_SECTOR + offset / SECTOR_BYTES;
    begin(FLASH_CR_SER | FLASH_CR_SECTOR(sector) | FLASH_CR_WORDS);
    FLASH_CR |= FLASH_CR_START;
    return end();
}

static bool program(uint32_t offset, const uint8_t *data, uint32_t count) {
    begin(FLASH_CR_PG | FLASH_CR_WORDS);
    for (uint32_t i = 0u; i < count; i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, data + i, sizeof word);
        CORE_REGISTER((uint32_t)STORE + offset + i) = word;
        wait();
    }
    return end();
}

const struct myna_nvm *myna_port_nvm(void) {
    static const struct myna_nvm nvm = {
        STORE, 2u * SECTOR_BYTES, SECTOR_BYTES, sizeof(uint32_t), erase, program};
    return &nvm;
}
