/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Always listening: from sound to words that were said; twin of toolchain/myna/learn/listening.py.
 * Of a model with a front end that was built with --streaming; otherwise nothing is ever heard.
 *
 * Sound arrives by myna_sound_push (runtime/sound.h); the rows of features that it becomes wait
 * until myna_listen_poll takes them, which the main loop does, and every long request between two
 * steps.
 */
#ifndef MYNA_LISTENING_H
#define MYNA_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MYNA_LISTEN_EVENTS 4u /* the latest, which are kept */

struct myna_listen_event {
    uint32_t time; /* samples since it began, of the decision; modulo 2^32 as all counts of them */
    int32_t score;
    uint16_t label; /* class of the word */
};

struct myna_listen_status {
    uint32_t samples; /* since it began, */
    uint32_t lost;    /* and of them not heard */
    uint32_t decisions;
    uint32_t events; /* number n is at n % MYNA_LISTEN_EVENTS */
    uint16_t level;  /* of the latest 20 ms: log2 of the variance, in eighths */
    bool is_open;    /* there may be speech */
};

/* Begins anew: samples are counted from 0. If `gated` the network rests while nothing stands out
   from the noise. After an event there is no other one for so many samples. */
void myna_listen_begin(bool gated, uint32_t refractory);
void myna_listen_end(void);
bool myna_listen_is_on(void);

/* What was heard was heard by other weights: called by whoever replaces the state, or parts of it.
   It says nothing of training, which counts its steps. */
void myna_listen_start_over(void);

/* Computes some of what has arrived; false: there is nothing left to do. */
__attribute__((warn_unused_result)) bool myna_listen_poll(void);

struct myna_listen_status myna_listen_status(void);
const struct myna_listen_event *myna_listen_events(void);

/* Of the latest decision, one for each word of runtime/templates.h. */
const int32_t *myna_listen_scores(void);

#ifdef __cplusplus
}
#endif

#endif
