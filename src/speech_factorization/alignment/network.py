"""Method C: a small convolutional network taught the states that B found.

Conventions
-----------
bands: [T, 64] log-mel at two time scales, 5 ms apart; states: [T] int64. The network's log-posterior minus
the log prior of the states stands in for a hidden Markov model's log-likelihood (Bourlard and Morgan, 1994).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["StateNetwork", "fit_network"]

CHUNK = 200
BATCH = 16
RATE = 2e-3
SMOOTHING = 0.1


class StateNetwork(nn.Module):
    """Three residual blocks (Conv1d of 3 frames, BatchNorm, ReLU, dropout) and a layer to the states."""

    def __init__(self, inputs: int, states: int, channels: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, channels, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(channels, channels, 3, padding=1),
                nn.BatchNorm1d(channels),
                nn.ReLU(),
                nn.Dropout(dropout),
            )
            for _ in range(3)
        )
        self.leave = nn.Conv1d(channels, states, 1)
        self.log_prior: Tensor
        self.register_buffer("log_prior", torch.zeros(states))

    def forward(self, x: Tensor) -> Tensor:
        """Logits: [B, inputs, T] -> [B, states, T]."""
        h = self.enter(x)
        for block in self.blocks:
            h = h + block(h)
        logits: Tensor = self.leave(h)
        return logits

    @torch.no_grad()
    def log_likelihood(self, bands: Tensor) -> Tensor:
        """Scaled log-likelihood log p(k | x) - log p(k): [T, inputs] -> [T, states]."""
        return self.forward(bands.T[None])[0].T.log_softmax(dim=1) - self.log_prior


def fit_network(
    bands: Sequence[Tensor], states: Sequence[Tensor], count: int, epochs: int, seed: int
) -> StateNetwork:
    """Train on the frames of all utterances; AdamW, one cycle, label smoothing .1.

    The utterances are laid end to end and cut into chunks of one second, so no batch holds padding: what a
    chunk sees of another utterance is the silence at its edge.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.cat(list(bands)), torch.cat(list(states))
    chunks = max(1, len(x) // CHUNK)
    span = min(CHUNK, len(x))
    x = x[: chunks * span].reshape(chunks, span, -1).transpose(1, 2).contiguous()
    y_chunks = y[: chunks * span].reshape(chunks, span)
    # Weights are drawn, and dropout is applied, from the global generator: it is seeded here and put back
    # after.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StateNetwork(x.shape[1], count)
        batches = -(-chunks // BATCH)
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=epochs * batches)
        loss_of = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        network.train()
        for _ in range(epochs):
            order = torch.randperm(chunks, generator=generator)
            for own in torch.split(order, BATCH):
                optimiser.zero_grad()
                loss = loss_of(network(x[own]), y_chunks[own])
                loss.backward()
                optimiser.step()
                schedule.step()
    prior = torch.bincount(y, minlength=count).float() + 1.0
    network.log_prior = (prior / prior.sum()).log()
    return network.eval()
