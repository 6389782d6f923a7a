/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/mel.h"

#include "kernels/fixed.h"

#if MYNA_DSP

#define ONE_BIN                        \
    "ldrd r4, r5, [%[power]], #8\n"    \
    "ldrb r6, [%[weight]], #1\n"       \
    "umlal %Q[low], %R[low], r4, r6\n" \
    "mla %[high], r5, r6, %[high]\n"

uint64_t myna_audio_mel(const struct myna_audio_state *state, uint32_t first, uint32_t count,
                        const uint8_t *weight) {
    const uint64_t *power = &state->spectrum.power[first];
    uint64_t low = 0u;
    uint32_t high = 0u, pairs;
    __asm volatile("lsrs %[pairs], %[count], #1\n"
                   "bcc 1f\n" ONE_BIN "1: cbz %[pairs], 3f\n"
                   "2:\n" ONE_BIN ONE_BIN "subs %[pairs], #1\n"
                   "bne 2b\n"
                   "3:"
                   : [low] "+&r"(low), [high] "+&r"(high), [pairs] "=&l"(pairs),
                     [power] "+&r"(power), [weight] "+&r"(weight)
                   : [count] "r"(count)
                   : "r4", "r5", "r6", "cc", "memory");
    return low + ((uint64_t)high << 32);
}

int32_t myna_audio_dot(const int16_t *a, const int16_t *b, uint32_t count) {
    int32_t sum = count % 2u > 0u ? a[count - 1u] * b[count - 1u] : 0;
    for (const int16_t *end = a + (count & ~1u); a < end;)
        __asm volatile("ldr r3, [%[a]], #4\n"
                       "ldr r12, [%[b]], #4\n"
                       "smlad %[sum], r3, r12, %[sum]"
                       : [sum] "+&r"(sum), [a] "+&r"(a), [b] "+&r"(b)
                       :
                       : "r3", "r12", "memory");
    return sum;
}

#endif
