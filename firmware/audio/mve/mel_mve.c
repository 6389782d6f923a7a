/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/mel.h"

#include "kernels/fixed.h"

#if MYNA_MVE
#include <arm_mve.h>

uint64_t myna_audio_mel(const struct myna_audio_state *state, uint32_t first, uint32_t count,
                        const uint8_t *weight) {
    const uint32_t *word = state->spectrum.word[first];
    const uint32x4_t low = {0u, 2u, 4u, 6u}, high = {1u, 3u, 5u, 7u};
    register uint32_t sum __asm("r4") = 0u, carried __asm("r5") = 0u, upper __asm("r6") = 0u;
    __asm volatile("wlstp.32 lr, %[count], 2f\n"
                   "1: vldrb.u32 q0, [%[weight]], #4\n"
                   "vldrw.u32 q1, [%[word], %q[low], uxtw #2]\n"
                   "vldrw.u32 q2, [%[word], %q[high], uxtw #2]\n"
                   "add %[word], #32\n"
                   "vmlaldava.u32 %[sum], %[carried], q1, q0\n"
                   "vmladava.u32 %[upper], q2, q0\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [sum] "+&r"(sum), [carried] "+&r"(carried), [upper] "+&r"(upper),
                     [word] "+&r"(word), [weight] "+&l"(weight)
                   : [count] "r"(count), [low] "w"(low), [high] "w"(high)
                   : "q0", "q1", "q2", "lr", "cc", "memory");
    return ((uint64_t)(carried + upper) << 32) | sum;
}

int32_t myna_audio_dot(const int16_t *a, const int16_t *b, uint32_t count) {
    register int32_t sum __asm("r4") = 0;
    __asm volatile("wlstp.16 lr, %[count], 2f\n"
                   "1: vldrh.16 q0, [%[a]], #16\n"
                   "vldrh.16 q1, [%[b]], #16\n"
                   "vmladava.s16 %[sum], q0, q1\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [sum] "+&r"(sum), [a] "+&l"(a), [b] "+&l"(b)
                   : [count] "r"(count)
                   : "q0", "q1", "lr", "cc", "memory");
    return sum;
}

#endif
