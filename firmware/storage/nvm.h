/* SPDX-License-Identifier: Apache-2.0 */
/* Non-volatile memory as a board offers it: NOR flash that the core reads in place. */
#ifndef MYNA_NVM_H
#define MYNA_NVM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Largest program unit of any board. */
#define MYNA_NVM_MAX_PROGRAM_BYTES 32u

/*
 * Offsets count from `memory`. Erasing sets every bit of one erase unit; programming only clears
 * bits, so a unit is programmed once between erasures. Both wait until the hardware is done, and
 * return false if it reports an error; what was done is then visible at `memory`, which the core
 * reads back. Power may fail while they run: the unit at hand may hold anything then, no other
 * unit may have changed. Called while STATE_SAVE, STATE_ERASE or ADAPT is executed; bytes that are
 * received meanwhile must be kept.
 */
struct myna_nvm {
    const uint8_t *memory;
    uint32_t bytes;         /* two equal slots, each a whole number of erase units */
    uint32_t erase_bytes;   /* erase unit */
    uint32_t program_bytes; /* program unit, a power of two up to MYNA_NVM_MAX_PROGRAM_BYTES */

    /* The erase unit that begins at `offset`. */
    bool (*erase)(uint32_t offset);
    /* `count` > 0 bytes at `offset`, both multiples of the program unit; `data` lies in RAM and
       need not be aligned. */
    bool (*program)(uint32_t offset, const uint8_t *data, uint32_t count);
};

#ifdef __cplusplus
}
#endif

#endif
