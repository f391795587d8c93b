"""Left-to-right chains: Baum-Welch posteriors and the best path.

Conventions
-----------
A chain has S positions, each a state; a path begins in position 0 at frame 0, ends in position S - 1 at the
last frame, and at each frame stays or moves on by one. Where `skip` allows it, a path may also enter
position s from position s - 1 - `width`: the pause in between is then absent. Every transition has the same
probability (.5), which cancels, so scores are of emissions alone.

The best path of a chain without skips is found by `torchaudio.functional.forced_align` (one column per
position and a blank that is never worth taking): exact, and several times faster than a loop over frames.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad
from torchaudio.functional import forced_align

__all__ = ["best_path", "best_path_with_skips", "entry_bonus", "posteriors"]

NEVER = -1e9


def best_path(scores: Tensor) -> Tensor:
    """Viterbi path of a chain without skips: log scores [T, S] -> positions [T].

    ValueError where T < S or a score is not finite: both would be the caller's mistake.
    """
    T, S = scores.shape
    if T < S:
        raise ValueError(f"{T} frames cannot pass through {S} positions")
    if not bool(torch.isfinite(scores).all()):
        raise ValueError("scores must be finite: forced_align gives a wrong path for them in silence")
    blank = scores.new_full((T, 1), NEVER)
    targets = torch.arange(1, S + 1, dtype=torch.int32)[None]
    path: Tensor = forced_align(torch.cat([blank, scores], dim=1)[None], targets)[0]
    return path[0].long() - 1


def entry_bonus(bonus: Tensor, unit: Tensor) -> Tensor:
    """Scores [T, S] that sum along a path to the bonus where it enters units, up to a constant.

    bonus: [T], gained on entering a unit at frame t; unit: [S], the unit each position is of (0, 1, ...).
    forced_align knows no entry bonus, but a sum over entries telescopes into one over frames: with
    f_t(u) = -u (b_{t+1} - b_t), unit u held over the frames from t_u to t_{u+1} - 1 adds
    u b_{t_u} - u b_{t_{u+1}}, and summed over the units every b_{t_u} remains once.
    """
    step = torch.cat([bonus[1:] - bonus[:-1], bonus.new_zeros(1)])
    return -step[:, None] * unit[None].to(bonus.dtype)


def _shifted(x: Tensor, by: int) -> Tensor:
    """x moved `by` positions to the right (left if negative), NEVER coming in: [B, S] -> [B, S]."""
    return pad(x, (by, -by), value=NEVER)


def posteriors(
    scores: Tensor, frames: Tensor, positions: Tensor, skip: Tensor | None = None, width: int = 3
) -> tuple[Tensor, Tensor]:
    """Forward-backward over a padded batch of chains.

    scores: [B, T, S] log emissions; frames, positions: [B] real lengths; skip: [B, S] bool, True where
    position s may be entered from s - 1 - width. Returns gamma [B, T, S] (zero in the padding) and the
    log-likelihood [B] without the transitions' constant (T - 1) log .5.
    """
    B, T, S = scores.shape
    peak = scores.amax(dim=2, keepdim=True)
    e = (scores - peak).transpose(0, 1).contiguous()
    jump = None if skip is None else torch.where(skip, 0.0, NEVER).to(e.dtype)
    last = torch.where(torch.arange(S)[None] == positions[:, None] - 1, 0.0, NEVER).to(e.dtype)

    alpha = torch.empty_like(e)
    a = torch.full_like(e[0], NEVER)
    a[:, 0] = e[0, :, 0]
    alpha[0] = a
    for t in range(1, T):
        into = torch.logaddexp(a, _shifted(a, 1))
        if jump is not None:
            into = torch.logaddexp(into, _shifted(a, width + 1) + jump)
        a = into + e[t]
        alpha[t] = a

    gamma = torch.empty_like(e)
    b = torch.full_like(e[0], NEVER)
    for t in range(T - 1, -1, -1):
        if t < T - 1:
            c = b + e[t + 1]
            b = torch.logaddexp(c, _shifted(c, -1))
            if jump is not None:
                b = torch.logaddexp(b, _shifted(c + jump, -width - 1))
        b = torch.where((frames == t + 1)[:, None], last, b)
        gamma[t] = alpha[t] + b
    total = gamma[0].logsumexp(dim=1)
    gamma = (gamma - total[:, None]).exp_().transpose(0, 1)
    real = torch.arange(T)[None] < frames[:, None]
    gamma = gamma * real[:, :, None]
    return gamma, total + (peak[..., 0] * real).sum(dim=1)


def best_path_with_skips(
    scores: Tensor, frames: Tensor, positions: Tensor, skip: Tensor, width: int = 3
) -> list[Tensor]:
    """Viterbi with optional pauses over a padded batch: arguments as `posteriors`, paths [frames]."""
    B, T, S = scores.shape
    e = scores.transpose(0, 1).contiguous()
    jump = torch.where(skip, 0.0, NEVER).to(e.dtype)
    arcs = torch.zeros(T, B, S, dtype=torch.uint8)
    a = torch.full_like(e[0], NEVER)
    a[:, 0] = e[0, :, 0]
    for t in range(1, T):
        moved, jumped = _shifted(a, 1), _shifted(a, width + 1) + jump
        a, arc = torch.stack([a, moved, jumped]).max(dim=0)
        a = a + e[t]
        arcs[t] = arc.to(torch.uint8)
    step = (0, 1, width + 1)
    paths = []
    back = arcs.transpose(0, 1).contiguous().numpy()
    for b, (T_b, s) in enumerate(zip(frames.tolist(), (positions - 1).tolist(), strict=True)):
        path = [s]
        for t in range(T_b - 1, 0, -1):
            s -= step[back[b, t, s]]
            path.append(s)
        paths.append(torch.tensor(path[::-1]))
    return paths
