/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the model and, if asked, keeps the CRC-32 of every output. */
#ifndef MYNA_TRACE_H
#define MYNA_TRACE_H

#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

extern const uint32_t myna_trace_bytes;

struct trace_options {
    bool digests;        /* keep them */
    uint16_t stop_after; /* this node, or MESSAGE_NO_NODE */
};

/* Runs infer or train_step; returns whether it stopped at stop_after. */
bool myna_trace_run(void (*run)(bool (*trace)(uint16_t node)), struct trace_options options);

#endif
