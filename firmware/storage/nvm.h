/* SPDX-License-Identifier: Apache-2.0 */
/* Non-volatile memory as a board offers it: NOR flash that the core reads in place. */
#ifndef MYNA_NVM_H
#define MYNA_NVM_H

#include <stdbool.h>
#include <stdint.h>

/* Largest program unit of any board. */
#define MYNA_NVM_MAX_PROGRAM_BYTES 32u

/*
 * Offsets count from `memory`. Erasing sets every bit of one erase unit; programming only clears
 * bits, so a unit is programmed once between erasures. Both return false if the hardware reports
 * an error, and both are finished when they return.
 */
struct myna_nvm {
    const uint8_t *memory;
    uint32_t bytes;         /* two equal slots, each a whole number of erase units */
    uint32_t erase_bytes;   /* erase unit */
    uint32_t program_bytes; /* program unit, a power of two up to MYNA_NVM_MAX_PROGRAM_BYTES */

    /* The erase unit that begins at `offset`. */
    bool (*erase)(uint32_t offset);
    /* `count` bytes at `offset`, both multiples of the program unit. */
    bool (*program)(uint32_t offset, const uint8_t *data, uint32_t count);
};

#endif
