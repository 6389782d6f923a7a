/* SPDX-License-Identifier: Apache-2.0 */
/* Where a counted section begins or ends; toolchain/myna/bench/counter.c watches for it. */
#ifndef MYNA_MARK_H
#define MYNA_MARK_H

#define BENCH_DONE "bench: done" /* the last words of a bench firmware */

static inline void mark(void) {
    __asm volatile("mov r9, r9" ::: "memory");
}

#endif
