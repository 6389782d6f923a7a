/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Myna: learning on the chip, in integers. The one header that an application includes.
 *
 * Words that are said on their own are recognized, and new ones are learned from a few takes:
 *
 *     myna_init(&my_flash, NULL);
 *     for (;;) {
 *         struct myna_event event;
 *         myna_feed(samples, count);           the microphone's, 16 kHz, any number of them
 *         while (myna_poll(&event)) { ... }    MYNA_WORD: event.word was said
 *     }
 *
 * To teach a word: myna_enroll("lamp"), then say it three times or more, with a pause behind each,
 * while the loop above goes on; myna_poll tells of each take. Then myna_learn.
 *
 * One thread calls all of it but myna_feed, which may also be called from one interrupt. No
 * function allocates memory, none keeps a pointer but those that myna_init is given, and none waits
 * for anything. myna_poll computes one inference at most, myna_learn as long as the words take;
 * between two steps of that, `attend` is called, and may call myna_feed, or watch the time, but
 * nothing else of here. Under an operating system the thread that learns may have the lowest
 * priority: nobody waits for it.
 *
 * A firmware links kernels, audio, runtime and storage, and the generated code of one model; `myna
 * export --library` puts these into one folder. Beside these functions there are runtime/model.h,
 * to run the model itself, audio/features.h, from sound to what it takes in, and
 * runtime/listening.h, for words in running speech. A firmware that a host drives adds
 * server/server.h and boards/port.h.
 *
 * Every name that the linker sees begins with myna_, and so do the types and macros in here.
 */
#ifndef MYNA_MYNA_H
#define MYNA_MYNA_H

#include "audio/features.h"
#include "runtime/model.h"
#include "storage/nvm.h"

#include <stdbool.h>
#include <stdint.h>

/* Version of this library (semantic versioning): as in pyproject.toml. */
#define MYNA_VERSION_MAJOR 0
#define MYNA_VERSION_MINOR 1
#define MYNA_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a request. */
enum myna_result {
    MYNA_OK,
    MYNA_BAD_NAME,   /* it is empty, or longer than the state has room for */
    MYNA_NO_ROOM,    /* for another word */
    MYNA_NO_TAKES,   /* there is nothing to learn, or a word without a take before one with takes */
    MYNA_FORGOT,     /* known words would have suffered: all is as it was stored */
    MYNA_NOT_STORED, /* it was learned, but could not be stored: power takes it away */
};

/* What an utterance was. */
enum myna_event_kind {
    MYNA_WORD,  /* the utterance was `word` */
    MYNA_OTHER, /* it was no word that is known, as far as confidence tells */
    MYNA_TAKE,  /* it is stored as a take of the word that is enrolled */
    MYNA_UNFIT, /* it is none, for the reason in `verdict` */
    MYNA_FULL,  /* it would be, but there is no room for another take */
};

/* An utterance that ended. */
struct myna_event {
    enum myna_event_kind kind;
    uint8_t verdict;    /* enum endpoint_verdict, audio/endpoint.h */
    uint32_t time;      /* samples since myna_init, when it ended; modulo 2^32 */
    int32_t confidence; /* of MYNA_WORD and MYNA_OTHER (Q15); SPEC.md, 14 */
    uint16_t word;      /* a number, see myna_word */
    uint16_t takes;     /* of it that are stored */
};

/*
 * Takes what is stored into use, or the model as built if nothing is. Sound may come from then on.
 * `nvm`: memory that lasts; NULL if there is none. `attend` is called while myna_learn runs; NULL:
 * nothing is. Call it again to forget all that is not stored.
 */
void myna_init(const struct myna_nvm *nvm, void (*attend)(uint32_t done));

/* Takes `count` samples, 16 kHz, in the order of time. What is not polled in 1.2 s is lost. */
void myna_feed(const int16_t *pcm, uint32_t count);

/* Computes on what was fed, up to the end of an utterance; true: `event` tells of it. */
__attribute__((warn_unused_result)) bool myna_poll(struct myna_event *event);

/* Utterances from now on are takes of this word (UTF-8), a new one or one that is known; NULL: they
   are recognized again. A name that a word without takes was given before is forgotten. */
__attribute__((warn_unused_result)) enum myna_result myna_enroll(const char *name);

/* Learns all takes that are stored, and stores what was learned. */
__attribute__((warn_unused_result)) enum myna_result myna_learn(void);

/* The name of a word by its number, not ended by a zero, and how many bytes that is; NULL if there
   is no such word. */
const char *myna_word(uint16_t word, uint32_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
