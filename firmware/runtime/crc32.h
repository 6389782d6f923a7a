/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 as in zlib: polynomial 0x04C11DB7 reflected, all ones in, inverted out. */
#ifndef MYNA_CRC32_H
#define MYNA_CRC32_H

#include <stdint.h>

/* Of `bytes`, continued from the CRC-32 of what came before them; 0 before the first. */
uint32_t myna_crc32_update(uint32_t crc, const void *bytes, uint32_t count);

#endif
