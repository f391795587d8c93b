"""What can be read from a code: classifiers that are trained on codes and score others.

Conventions
    train, valid, test: [N, D] float codes of three sets of items; classes of them: [N] integers, no -1.

Metrics
    recall  mean over classes of the share of a class's items that are predicted as such (balanced accuracy).
            Both probes take all classes for equally probable, so a code that says nothing scores 1/K for K classes

Probes
    linear  linear discriminant analysis with a shrunk covariance (`discriminant`); there is nothing to select
    mlp     one hidden layer of 256 ReLU; the epoch of the least cross-entropy on validation items is taken.
            Trained with the classes as frequent as they are; their log prior is then taken off the logits
            (Menon et al., Long-tail learning via logit adjustment, ICLR 2021)
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import discriminant

__all__ = ["linear", "mlp", "recall"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

HIDDEN = 256
BATCH = 256
EPOCHS = 20
PATIENCE = 3
RATE = 4e-3
DROPOUT = 0.3


def recall(truth: Integers, predicted: Integers) -> float:
    """Mean over the classes in `truth` [N] of the share predicted as they are, 0..1."""
    if truth.shape != predicted.shape or not truth.size:
        raise InputError(f"{truth.size} classes, {predicted.size} predicted", remedy="give one for each")
    return float(np.mean([(predicted[truth == c] == c).mean() for c in np.unique(truth)]))


def linear(train: Floats, classes: Integers, test: Floats) -> Integers:
    """Class of every test item [n] by linear discriminant analysis of the training items."""
    return discriminant.predict(train.astype(np.float64), classes, test.astype(np.float64))


def mlp(
    train: Floats, classes: Integers, valid: Floats, valid_classes: Integers, test: Floats, seed: int
) -> Integers:
    """Class of every test item [n] by a network trained on the training items, stopped on the validation ones.

    Codes are standardised per dimension. Validation items of a class without training items do not count.
    """
    names, index = np.unique(classes, return_inverse=True)
    mean, scale = train.mean(0), train.std(0) + 1e-6
    x, held, points = (_tensor((part - mean) / scale) for part in (train, valid, test))
    y = torch.from_numpy(index)
    known = np.isin(valid_classes, names)
    held, truth = held[known], torch.from_numpy(np.searchsorted(names, valid_classes[known]))
    generator = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1], len(names), generator)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    best, waited = float("inf"), 0
    scores = torch.zeros(len(points), len(names))
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=generator)
        for i in range(0, len(x), BATCH):
            part = order[i : i + BATCH]
            loss = functional.cross_entropy(network(_drop(x[part], generator)), y[part])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        with torch.no_grad():
            error = float(functional.cross_entropy(network(held), truth)) if len(held) else 0.0
            waited += 1
            if error < best:
                best, waited, scores = error, 0, network(points)
        if waited == PATIENCE:
            break
    prior = torch.bincount(y, minlength=len(names)) / len(y)
    found: Integers = names[(scores - prior.log()).argmax(1).numpy()]
    return found


def _network(size: int, classes: int, generator: torch.Generator) -> nn.Sequential:
    """size -> HIDDEN -> classes, with weights from the generator and no bias at the start."""
    layers = [nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def _drop(x: Tensor, generator: torch.Generator) -> Tensor:
    """Dropout of inputs: without it the probe learns a few thousand items by heart."""
    return x * (torch.rand(x.shape, generator=generator) >= DROPOUT) / (1 - DROPOUT)


def _tensor(x: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
