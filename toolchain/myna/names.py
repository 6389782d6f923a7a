# SPDX-License-Identifier: Apache-2.0
"""Names of the tensors and nodes that several parts of Myna know, and marks that names carry.

A program's graph is self-contained: whoever sets a label or reads a loss does so by these names.
What a layer of a network may not be called is derived from them (`frontend.identifiers`).
"""

from __future__ import annotations

# -- set by the caller of a training step ----------------------------------------------------------
LABEL = "label"  # int32[1], the class of the example
RATE = "learning_rate"  # pair
SEED = "seed"  # int32[1], of all random numbers
STEP = "step"  # int32[1], training steps done
CLASSES = "classes"  # int32[1], how many rows of the output layer are in use
CODEWORD = "codeword"  # int8 [outputs], of -1 and 1: who the user is; secret
CODE = "codeword.rows"  # int8 [bits, outputs], of -1 and 1: codewords are products of them

# -- made by a training step -----------------------------------------------------------------------
LOSS = "loss"  # int32[1], nats in Q16; also its node
CORRELATION = "correlation"  # int32[1], of outputs with the codeword; also its node
LOSS_GRADIENT = "dlogits"  # int8; of a reconstruction, too
LOSS_SCALE = "dlogits.scale"  # pair
EXP_TABLE = "exp_table"  # of the softmax
ADVANCE = "advance"  # the node that counts the step
ONE = "one"  # the pair worth 1
WRAPS = "wraps"  # int32[1], how often a reversible stream has wrapped

# -- of a head that new classes are added to -------------------------------------------------------
IMPRINT = "imprint.row"  # the node that starts a class
CENTER = "imprint.center"  # int16, mean embedding in Q4
TOTAL = "embedding_total"  # int32, sum of the embeddings of a class's examples
SHOTS = "shots"  # int32[1], how many examples that were
HALVINGS = "halvings"  # int32[1], how often a new row is halved
SIMILARITY = "similarity"  # int32[rows], Q15
TYPICAL = "typical"  # int32[rows], of each class
THRESHOLD = "threshold"  # int32[1]
NAMES = "names"  # int8[rows behind the labels, NAME_BYTES], UTF-8, zeros behind it

# -- of the owner's voice -------------------------------------------------------------------------
VOICE_FEATURES = "voice.features"  # int8, a word as the network's features have it
STATISTICS = "voice.statistics"  # int8, of each band of them
VOICE = "voice"  # int8, what tells people apart
OWNER = "owner.templates"  # int8[rows, values of VOICE], zeros where the owner did not say the word
OWNER_SCORE = "owner.score"  # int32[rows], cosine of VOICE with each of them, Q15
OWNER_THRESHOLD = "owner.threshold"  # int32[1], the least score that is accepted

# -- marks -----------------------------------------------------------------------------------------
NARROW = ".int8"  # what a layer computes before a reversible stream widens it
AGAIN = "~"  # what is computed once more
RESIDUAL = "residual"  # the plane that int8-only weights share; "<weight>.residual" is one's own
TRACKED = ".tracked"  # the range of a gradient, a pair
ROWS = "rows"  # the node that computes row by row
GRADIENT = "d_"  # of the tensor whose name follows
