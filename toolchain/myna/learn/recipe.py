# SPDX-License-Identifier: Apache-2.0
"""The numbers of an enrollment."""

from __future__ import annotations

from dataclasses import dataclass

MORE = 8  # times as many rehearsals where a new class comes close to what is known


@dataclass(frozen=True)
class Recipe:
    """SGD over the stored clips, one clip a step, until every word is learned well enough.

    To stop at a loss, not after so many steps, makes one recipe fit networks that learn at
    different speeds, and spares what was known before: it suffers with every step too many. The
    word that is learned worst decides, because many that are known would hide it in a mean. And
    while more than a few memories are lost, training goes on.

    Attributes:
        rate: learning rate, in inverse mean squared lengths of an embedding (see
            `passes.training.imprint`).
        epochs: passes over the clips, at most 64.
        enough: mean loss of a word's clips during an epoch (nats); training ends when every word
            has less and the memories are kept. 0 trains for all epochs.
        rehearsals: steps on memories after each step on a clip; `MORE` times as many if a new
            class endangers what is known (`learn.endangered`) and not every layer
            is trained.
        vary: whether clips are shifted, masked, made louder or softer, and mixed with noise.
        proximal: in 256ths, how far each epoch but the last goes back towards the state that many
            learners have in common (Li et al., "Federated Optimization in Heterogeneous Networks",
            2020); 0 for not at all, as where there is none.
    """

    rate: float = 1.0
    epochs: int = 16
    enough: float = 0.1
    rehearsals: int = 1
    vary: bool = True
    proximal: int = 0

    @classmethod
    def of(cls, *, whole: bool, vary: bool = True) -> Recipe:
        """What suits a network of which every layer is trained, or not.

        A whole network learns as much in a few passes at half the rate, and each of their steps
        costs an inference and its gradients.
        """
        return cls(rate=0.5, epochs=3, vary=vary) if whole else cls(vary=vary)

    @property
    def enough_q16(self) -> int:
        """`enough` as the device compares it."""
        return round(self.enough * 65536)

    def usual_steps(self, clips: int) -> int:
        """Training steps over so many clips, at most, if no memory is endangered."""
        return self.epochs * clips * (1 + self.rehearsals)

    def steps(self, clips: int) -> int:
        """Training steps over so many clips, at most."""
        return self.epochs * clips * (1 + MORE * self.rehearsals)


AT_ONCE = Recipe(epochs=0, vary=False)  # classes begin and are calibrated; nothing is trained
