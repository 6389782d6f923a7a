/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the model and, if asked, keeps the CRC-32 of every output. */
#ifndef MYNA_TRACE_H
#define MYNA_TRACE_H

#include "audio/features.h"
#include "protocol/messages.h"

#include <stdbool.h>
#include <stdint.h>

/* The front end's memory is free while the model runs, and the trace uses it then. */
extern union trace_scratch {
    struct audio_state audio;
    uint32_t digests[sizeof(struct audio_state) / sizeof(uint32_t)];
} trace_scratch;

struct trace_options {
    bool digests;        /* keep them; ends an audio upload */
    uint16_t stop_after; /* this node, or MESSAGE_NO_NODE */
};

/* Wipes the scratch memory: no request may read sound, and none shall stay. */
void trace_wipe(void);

/* Runs infer or train_step; *stopped tells whether it stopped at stop_after. */
__attribute__((warn_unused_result)) enum status
trace_run(void (*run)(bool (*trace)(uint16_t node)), struct trace_options options, bool *stopped);

#endif
