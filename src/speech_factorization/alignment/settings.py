"""What can be chosen about the aligner, with its ranges."""

from typing import Annotated, Literal

from pydantic import Field

from speech_factorization.strict import Strict

__all__ = ["AlignmentSettings"]

Count = Annotated[int, Field(ge=1)]
Bonus = Annotated[float, Field(ge=0.0)]


class AlignmentSettings(Strict):
    """Settings of the recipe A -> B -> C -> mean of their boundaries.

    silence: the units that are silence; they share one model. pauses: "given", every silence in the sequence
    is there; "optional", a silence inside an utterance may be absent and the aligner decides (its interval
    is then empty). shift_ms: added to every inner boundary; labellers may have a habit, so 0 unless one is
    known. baum_welch, viterbi: iterations of A; mixtures: components per state at the end, a power of two.
    bonus_*: weight of the spectral change at a unit's beginning in the last Viterbi pass of each method.
    epochs: of C's network.
    """

    seed: int = 0
    silence: frozenset[str] = frozenset({"sil", "epi"})
    pauses: Literal["given", "optional"] = "given"
    shift_ms: float = 0.0
    baum_welch: Count = 6
    viterbi: Count = 3
    mixtures: Literal[1, 2, 4, 8] = 4
    bonus_coarse: Bonus = 8.0
    bonus_fine: Bonus = 12.0
    bonus_network: Bonus = 3.0
    epochs: Count = 6
