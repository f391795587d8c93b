"""The three methods: A finds the boundaries from nothing, B sharpens them, C listens with a network.

A: monophone GMM-HMM, 10 ms frames, flat start, Baum-Welch, then Viterbi training with growing mixtures.
B: the same at 5 ms, begun from A's path. C: a convolutional network taught B's states.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from speech_factorization.alignment.gmm import Mixtures, fit_single, reestimate, split
from speech_factorization.alignment.hmm import best_path, best_path_with_skips, entry_bonus, posteriors
from speech_factorization.alignment.sequences import Chain
from speech_factorization.alignment.settings import AlignmentSettings

__all__ = ["coarse_model", "decide_pauses", "fine_model", "paths", "scores_of"]

Likelihood = Callable[[Tensor], Tensor]
BATCH = 32
PADDING = -1e9
COMPONENT_STEPS = 2
FINE_PASSES = 2


def scores_of(features: Tensor, chain: Chain, likelihood: Likelihood) -> Tensor:
    """Log-likelihood of each frame at each position, the best of each frame set to 0: [T, 3 U].

    What is taken off a frame is taken off every path; small numbers keep single precision exact enough.
    """
    scores = likelihood(features)[:, chain.states]
    return scores - scores.amax(dim=1, keepdim=True)


def paths(
    features: Sequence[Tensor],
    chains: Sequence[Chain],
    likelihood: Likelihood,
    change: Sequence[Tensor] | None = None,
    bonus: float = 0.0,
) -> list[Tensor]:
    """Viterbi path [T] of every utterance, pauses decided; entries gain `bonus` times `change` [T]."""
    found = []
    for i, (x, chain) in enumerate(zip(features, chains, strict=True)):
        scores = scores_of(x, chain, likelihood)
        if change is not None and bonus:
            scores = scores + entry_bonus(bonus * change[i], chain.owner)
        found.append(best_path(scores))
    return found


def batches(
    features: Sequence[Tensor], chains: Sequence[Chain], likelihood: Likelihood
) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor, Tensor]]:
    """Utterances of like length, padded: which, scores [B, T, S], frames [B], positions [B], skip [B, S]."""
    order = sorted(range(len(features)), key=lambda i: (len(features[i]), len(chains[i].units), i))
    for begin in range(0, len(order), BATCH):
        which = order[begin : begin + BATCH]
        frames = torch.tensor([len(features[i]) for i in which])
        positions = torch.tensor([len(chains[i].states) for i in which])
        scores = torch.full((len(which), int(frames.max()), int(positions.max())), PADDING)
        skip = torch.zeros(len(which), scores.shape[2], dtype=torch.bool)
        for row, i in enumerate(which):
            scores[row, : frames[row], : positions[row]] = likelihood(features[i])[:, chains[i].states]
            skip[row, : positions[row]] = chains[i].skip
        yield which, scores, frames, positions, skip


def hard_statistics(x: Tensor, states: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sufficient statistics when every frame has one state: x [N, D], states [N]."""
    x = x.double()
    sums = torch.zeros(count, x.shape[1], dtype=torch.float64).index_add_(0, states, x)
    squares = torch.zeros_like(sums).index_add_(0, states, x.square())
    return torch.bincount(states, minlength=count).double(), sums, squares


def baum_welch(
    features: Sequence[Tensor], chains: Sequence[Chain], model: Mixtures
) -> tuple[Mixtures, float]:
    """One iteration, one Gaussian per state: the new model, and the old one's log-likelihood of the data."""
    K, D = model.means.shape[0], model.means.shape[2]
    counts = torch.zeros(K, dtype=torch.float64)
    sums, squares = torch.zeros(K, D, dtype=torch.float64), torch.zeros(K, D, dtype=torch.float64)
    total = 0.0
    for which, scores, frames, positions, skip in batches(features, chains, model.log_likelihood):
        gamma, likelihood = posteriors(scores, frames, positions, skip if bool(skip.any()) else None)
        total += float(likelihood.double().sum())
        for row, i in enumerate(which):
            own, x = gamma[row, : frames[row], : positions[row]].T, features[i]
            counts.index_add_(0, chains[i].states, own.sum(dim=1).double())
            sums.index_add_(0, chains[i].states, (own @ x).double())
            squares.index_add_(0, chains[i].states, (own @ x.square()).double())
    return fit_single(counts, sums, squares), total


def decide_pauses(features: Sequence[Tensor], chains: Sequence[Chain], likelihood: Likelihood) -> list[Chain]:
    """The chains without the optional pauses that the best path leaves out."""
    decided = list(chains)
    open_ones = [i for i, chain in enumerate(chains) if bool(chain.optional.any())]
    some_features, some_chains = [features[i] for i in open_ones], [chains[i] for i in open_ones]
    for which, scores, frames, positions, skip in batches(some_features, some_chains, likelihood):
        for row, path in zip(which, best_path_with_skips(scores, frames, positions, skip), strict=True):
            chain = some_chains[row]
            seen = torch.zeros(len(chain.units), dtype=torch.bool)
            seen[chain.owner[path]] = True
            decided[open_ones[row]] = chain.select(seen)
    return decided


def coarse_model(
    features: Sequence[Tensor], chains: Sequence[Chain], count: int, s: AlignmentSettings
) -> Mixtures:
    """Method A: features [T, 39] at 10 ms, standardised; `count` states. Optional pauses stay open.

    The flat start divides each utterance evenly among its states, inner silences left out even where they are
    given: begun from the silence at the edges alone, the model of silence does not start out as a mixture of
    everything. On the embedded corpus A gains by it, the mean of the three methods does not (docs/results).
    """
    begun = [chain.without_inner_silence() for chain in chains]
    even = [
        chain.states[torch.arange(len(x)) * len(chain.states) // len(x)]
        for x, chain in zip(features, begun, strict=True)
    ]
    together = torch.cat(list(features))
    model = fit_single(*hard_statistics(together, torch.cat(even), count))
    for _ in range(s.baum_welch):
        model, _ = baum_welch(features, chains, model)
    while True:
        for _ in range(s.viterbi):
            now = decide_pauses(features, chains, model.log_likelihood)
            states = visited(now, paths(features, now, model.log_likelihood))
            model = reestimate(model, together, torch.cat(states), COMPONENT_STEPS)
        if model.means.shape[1] >= s.mixtures:
            return model
        model = split(model)


def visited(chains: Sequence[Chain], found: Sequence[Tensor]) -> list[Tensor]:
    """State numbers [T] along paths of positions."""
    return [chain.states[path] for chain, path in zip(chains, found, strict=True)]


def fine_model(
    features: Sequence[Tensor],
    chains: Sequence[Chain],
    begun: Sequence[Tensor],
    count: int,
    s: AlignmentSettings,
) -> Mixtures:
    """Method B: features [T, 39] at 5 ms; begun: A's states [T // 2] at 10 ms, the start."""
    stretched = []
    for x, states in zip(features, begun, strict=True):
        twice = states.repeat_interleave(2)
        stretched.append(torch.cat([twice, twice[-1:].expand(len(x) - len(twice))]))
    together, states = torch.cat(list(features)), torch.cat(stretched)
    model = fit_single(*hard_statistics(together, states, count))
    while model.means.shape[1] < s.mixtures:
        model = reestimate(split(model), together, states, COMPONENT_STEPS + 1)
    for _ in range(FINE_PASSES):
        states = torch.cat(visited(chains, paths(features, chains, model.log_likelihood)))
        model = reestimate(model, together, states, COMPONENT_STEPS)
    return model
