/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/program.h"

#include <string.h>

bool myna_nvm_program(const struct myna_nvm *nvm, uint32_t offset, const void *data,
                      uint32_t count) {
    const uint8_t *bytes = data;
    uint32_t whole = count - count % nvm->program_bytes;
    uint8_t rest[MYNA_NVM_MAX_PROGRAM_BYTES];
    if (whole > 0u && !nvm->program(offset, bytes, whole)) {
        return false;
    }
    if (whole < count) {
        memset(rest, 0xFF, sizeof rest);
        memcpy(rest, bytes + whole, count - whole);
        if (!nvm->program(offset + whole, rest, nvm->program_bytes)) {
            return false;
        }
    }
    return memcmp(nvm->memory + offset, data, count) == 0;
}

bool myna_nvm_is_blank(const struct myna_nvm *nvm) {
    uint8_t all = 0xFFu;
    for (uint32_t i = 0u; i < nvm->bytes; i++) {
        all &= nvm->memory[i];
    }
    return all == 0xFFu;
}
