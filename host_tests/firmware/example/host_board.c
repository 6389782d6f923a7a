/* SPDX-License-Identifier: Apache-2.0 */
/* The example's board as a process: its UART is standard input and output, its flash forgets. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t flash[1u << 18];

void board_init(void) {}

uint8_t board_get(void) {
    int byte = getchar();
    if (byte == EOF) {
        fwrite(flash, 1u, sizeof flash, stdout);
        exit(EXIT_SUCCESS);
    }
    return (uint8_t)byte;
}

void board_put(const char *bytes, uint32_t count) {
    fwrite(bytes, 1u, count, stdout);
}

static bool erase(uint32_t offset) {
    memset(flash + offset, 0xFF, 4096u);
    return true;
}

static bool program(uint32_t offset, const uint8_t *data, uint32_t count) {
    memcpy(flash + offset, data, count);
    return true;
}

const struct myna_nvm board_flash = {flash, sizeof flash, 4096u, 4u, erase, program};
