/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the arena: a model's run, or something else while the model rests. */
#ifndef MYNA_ARENA_H
#define MYNA_ARENA_H

enum arena_use {
    ARENA_MODEL,
    ARENA_SOUND,      /* a recording that arrives */
    ARENA_DIFFERENCE, /* of two states, encoded */
};

extern enum arena_use myna_arena_use;

/* Whoever runs the model, reads its tensors, or puts something there takes the arena first. What
   lay there is forgotten; no request may read sound, so that is erased. */
void myna_arena_take(enum arena_use use);
/* Forgets an upload that has not ended; its slot stays empty. */
void myna_arena_end_sound(void);

#endif
