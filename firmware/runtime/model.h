/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated code of a model offers to the runtime. */
#ifndef MYNA_MODEL_H
#define MYNA_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface; generated code that was made for another one does not compile. */
#define MYNA_MODEL_ABI 13

#define MYNA_NO_CLASS 0xFFFFu

struct myna_audio_config; /* audio/features.h */
struct myna_recording;    /* runtime/recording.h */

/* Called after each node with its index, for tracing; false stops the run there, and the state with
   it half-way. */
typedef bool (*myna_trace_fn)(uint16_t node);

/* a tensor that a node wrote, for tracing; valid until the next node runs */
struct myna_output {
    const void *data;
    uint32_t bytes;
};

/* outputs[first] … outputs[first + count - 1] */
struct myna_node {
    uint16_t first, count;
};

enum myna_form {
    MYNA_INT8,
    MYNA_INT32,
    MYNA_PAIR, /* mantissa and exponent; low bounds the mantissa, high the exponent's magnitude */
};

/* What `count` elements at `offset` bytes of the state may be: from low to high. */
struct myna_bound {
    uint32_t offset, count;
    int32_t low, high;
    enum myna_form form;
};

enum myna_integer {
    MYNA_MASTER, /* weights, with their residuals in the low byte */
    MYNA_WHOLE,  /* int32 */
    MYNA_RANGE,  /* mantissa and exponent */
    MYNA_SETTING,
};

/* `count` integers of the state that boards share when they learn together; bytes of a setting. */
struct myna_part {
    uint32_t offset, count;
    uint32_t residual; /* offset of the weights' own residuals; 0: they have none */
    int32_t low, high; /* to which the integers are clamped */
    enum myna_integer form;
};

/* Of the user whom a model tells: kept with the state, but in no message. */
struct myna_secret {
    uint32_t drawn;    /* number of his codeword, counted from 1; 0: the one that everybody knows */
    uint32_t warm_up;  /* takes that set the threshold; 0: it is not set */
    int32_t threshold; /* the least score that is accepted (Q15) */
};

/*
 * What one model is and can do. To infer: write `features`, call infer(NULL), read the first
 * *classes of `logits`. To learn a step: write `features` and `label`, call train_step(NULL). Both
 * return when they are done. Everything lies in two static blocks: the arena, which each run
 * overwrites, and the state. Before the first run, copy state_init to state (state_bytes), or any
 * state of a model with the same fingerprint and ABI; myna_server_init does.
 */
struct myna_model {
    uint32_t abi;         /* MYNA_MODEL_ABI */
    uint32_t fingerprint; /* CRC-32 of the program: nodes, offsets, constants, initial state */
    const char *name;
    const char *labels;  /* class names, separated by '\n' */
    const char *options; /* with which the toolchain compiles it again, JSON */
    uint16_t max_classes;
    uint16_t silence;              /* the class of clips without speech, or MYNA_NO_CLASS */
    uint16_t unknown;              /* the class of other words, or MYNA_NO_CLASS */
    uint16_t frames, coefficients; /* features: int8 [frames, coefficients], whatever they are */
    const struct myna_audio_config *audio; /* NULL: the model hears nothing */

    int8_t *features; /* inputs, in the arena; a run overwrites them */
    int32_t *label;   /* less than *classes */
    const int8_t
        *logits; /* results, in the arena: of classes, a reconstruction, or for a codeword */
    uint16_t logit_count;
    const int32_t *loss; /* Q16: nats, or a squared error */

    uint8_t *state; /* everything that training changes and every hyper-parameter */
    const uint8_t *state_init;
    uint32_t state_bytes;
    const struct myna_bound *state_bounds; /* outside, addresses and sums need not hold */
    uint16_t bound_count;
    const struct myna_part *parts; /* the whole state, in its order */
    uint16_t part_count;
    uint8_t *arena;
    uint32_t arena_bytes;
    struct myna_recording
        *recording;        /* in the arena: valid until the model runs; NULL as audio is */
    int32_t *step;         /* inside state: training steps done */
    const int32_t *seed;   /* inside state */
    int32_t *classes;      /* inside state: classes in use; 1 if it does not classify */
    uint32_t names_offset; /* inside state: names of the classes behind the labels */
    uint16_t name_bytes;   /* of each, UTF-8 and zeros behind it; 0: no class can be begun */

    const struct myna_node *nodes;
    const struct myna_output *outputs;
    uint16_t infer_nodes; /* nodes 0 … infer_nodes - 1 are inference */
    uint16_t node_count;  /* nodes 0 … node_count - 1 are a training step */

    void (*infer)(myna_trace_fn trace);      /* features -> logits; trace may be NULL */
    void (*train_step)(myna_trace_fn trace); /* features, label -> logits, loss before it, state */

    const int8_t *embedding; /* the head's input, valid after infer */
    uint16_t embedding_size;
    int16_t embedding_zero;
    const int16_t *center;    /* of embeddings, Q4 */
    int32_t *embedding_total; /* inputs of imprint, in the arena; infer leaves them alone */
    int32_t *shots, *halvings;
    void (*imprint)(void); /* embedding_total, shots, halvings, label -> state; NULL: cannot */

    const int32_t *similarity; /* to each class (Q15), valid after infer; NULL: cannot */
    int32_t *typical;          /* inside state: of each class (Q15) */
    int32_t *threshold;        /* inside state: the least confidence that is accepted */

    int8_t *codeword;        /* [logit_count] of -1 and 1, outside the state; NULL: has none */
    const int8_t *code_rows; /* [code_bits][logit_count] of -1 and 1; NULL: none can be drawn */
    uint16_t code_bits;
    const int32_t *correlation; /* of logits with the codeword, valid after infer */
    int32_t correlation_full;   /* of logits that say the codeword */
    struct myna_secret *secret; /* behind the state; NULL: no codeword can be drawn */
    uint32_t kept_bytes;        /* of the state and what lies behind it: what is stored */

    int8_t *voice_features;    /* input of score_voice, in the arena */
    void (*score_voice)(void); /* voice_features -> voice, owner_score; NULL: cannot */
    const int8_t *voice;       /* what tells people apart */
    uint16_t voice_size;
    const int32_t *owner_score; /* cosine of voice with each class's template (Q15) */
    int8_t *owner_templates;    /* inside state: [max_classes][voice_size], zeros: none */
    int32_t *owner_threshold;   /* inside state: the least score that is accepted */

    int8_t *latent; /* what is not trained makes it of features; in the arena */
    uint32_t latent_bytes;
    uint16_t replay_count;
    const int8_t *replay_latents; /* [replay_count][latent_bytes] */
    const int32_t *replay_labels;
    void (*encode)(void);   /* features -> latent */
    void (*rehearse)(void); /* latent, label -> logits, loss, state */
    void (*recall)(void);   /* latent -> logits, embedding */
    void (*compare)(void);  /* latent -> similarity; NULL: cannot */
};

/* The model that the firmware is linked with. */
extern const struct myna_model myna_model;

#ifdef __cplusplus
}
#endif

#endif
