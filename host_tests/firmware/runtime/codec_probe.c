/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes and applies differences as it is told on standard input; see test_codec.py. */
#include "runtime/codec.h"
#include "runtime/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t *take(uint32_t bytes) {
    uint8_t *data = malloc(bytes); /* exactly so many: the sanitizer sees what lies beyond */
    if (fread(data, 1u, bytes, stdin) != bytes) {
        exit(1);
    }
    return data;
}

static void tell(const void *data, uint32_t bytes) {
    fwrite(data, 1u, bytes, stdout);
}

/* "E" budget, base, state, 8 bytes of private tensors -> length, data, state
   "A" length, data, base, state -> outcome, base, state */
int main(void) {
    for (int command; (command = getchar()) != EOF;) {
        uint32_t *number = (uint32_t *)(void *)take(sizeof *number), result;
        uint8_t *data = command == 'E' ? malloc(*number) : take(*number);
        uint8_t *base = take(myna_model.state_bytes), *state = take(myna_model.state_bytes);
        if (command == 'E') {
            uint8_t *bits = take(8u);
            struct private_tensors private = {bits, 8u};
            result = *number < myna_codec_least()
                         ? 0u
                         : myna_codec_encode(data, *number, private, base, state);
            free(bits);
            tell(&result, sizeof result);
            tell(data, result);
        } else {
            uint8_t *blocks[] = {base, state};
            result = (uint32_t)myna_codec_apply(data, *number, blocks, 2u);
            tell(&result, sizeof result);
            tell(base, myna_model.state_bytes);
        }
        tell(state, myna_model.state_bytes);
        fflush(stdout);
        free(number);
        free(data);
        free(base);
        free(state);
    }
    return 0;
}
