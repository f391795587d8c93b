"""The family of flows on segments: one equation, and a choice of parts for each model.

    z = f^-1(x),    ln p(x | c) = ln p(z | c) + ln |det dz/dx|,
    p(z | c) = prod_f N(z_f; mu_f[c_f], I) * N(z_rest; 0, I)

(Cai et al., Deep normalization for speaker vectors, arXiv 2004.04095; Sun et al., Deep generative
factorization for speech signal, ICASSP 2021, arXiv 2010.14242.) x is standardised and flat, [N, D]; f^-1 is
a fixed linear front and affine couplings of the first d of its dimensions, the others pass through. Without
parts it is a normalization flow (nf), with one a discriminative one (dnf), with several a factorial one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from speech_factorization.dynamical.finite import require_finite
from speech_factorization.dynamical.gaussian import standard_noise
from speech_factorization.errors import InputError
from speech_factorization.features.standardise import Standardise
from speech_factorization.flow.additive import Additive, fit_additive
from speech_factorization.flow.consistency import NOISE_X, NOISE_Y, Cells, Classifiers, draw_moves
from speech_factorization.flow.coupling import Couplings
from speech_factorization.flow.front import Directions, Front
from speech_factorization.flow.parts import check_counts, slices
from speech_factorization.flow.prior import FactorialPrior, standard_log_prob
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["ClassHyperparameters", "FactorialFlow", "FlowHyperparameters"]

Positive = Annotated[int, Field(gt=0)]


class FlowHyperparameters(Strict):
    """Of every flow.

    dimensions: d, how many the couplings act on. whitened: w <= d, how many the front whitens (None: d).
    couplings: how many; hidden: widths of their conditioners. noise: standard deviation of the noise added
    to standardised x in training.
    """

    dimensions: Positive = 256
    whitened: Positive | None = None
    couplings: Positive = 8
    hidden: Annotated[list[Positive], Field(min_length=1)] = [512, 512]
    noise: float = Field(0.4, ge=0)

    @model_validator(mode="after")
    def _whitened_are_coupled(self) -> Self:
        if self.whitened is not None and self.whitened > self.dimensions:
            raise ValueError(f"whitened is {self.whitened}, of {self.dimensions} dimensions")
        return self


class ClassHyperparameters(FlowHyperparameters):
    """Of flows with class-conditional parts.

    front: how directions are first given to parts (front.py). discriminative: weight of the cross-entropy of
    the classes given the parts; 0 is the paper's likelihood. consistency: weight of what classifiers read of
    moved codes (consistency.py), matching: of how far they are from real means; 0 and 0 are none. mean_rate:
    learning rate of the class means, in units of the others'.
    """

    front: Directions = "additive"
    discriminative: float = Field(0.0, ge=0)
    consistency: float = Field(0.0, ge=0)
    matching: float = Field(0.0, ge=0)
    mean_rate: float = Field(10.0, gt=0)


class FactorialFlow(nn.Module):
    """Segments x [N, *shape] <-> codes z [N, D], D = prod(shape).

    sizes: factor -> dimensions of its part (None: what its class means span, classes - 1, or with a random
    front an equal share). A single part may take all d dimensions, several those that are whitened. where:
    names the hyperparameters in errors. Errors: InputError for factors or sizes that do not fit the data.
    """

    inputs: ClassVar[tuple[Inputs, ...]] = ("segments",)
    likelihood_of: ClassVar[str] = "standardised log spectrogram, nats per segment"

    def __init__(
        self, hp: FlowHyperparameters, data: Data, sizes: Mapping[str, int | None], where: str
    ) -> None:
        super().__init__()
        # Without parts nothing of these is used.
        classed = hp if isinstance(hp, ClassHyperparameters) else ClassHyperparameters()
        self.shape, self.size, self.where = data.shape, math.prod(data.shape), where
        self.noise, self.discriminative = hp.noise, classed.discriminative
        self.consistency, self.matching = classed.consistency, classed.matching
        self.d, whitened = hp.dimensions, hp.whitened or hp.dimensions
        if self.d > self.size:
            raise InputError(f"{self.d} of {self.size} there are", f"{where}.dimensions", "lower it")
        # What errors about parts name: their own parameter where there is one.
        self.of_parts = f"{where}.parts" if "parts" in type(hp).model_fields else where
        room = whitened if len(sizes) > 1 else self.d
        self.parts = slices(sizes, data.factors, room, classed.front == "random", self.of_parts)
        self.classes = {name: tuple(data.factors[name]) for name in self.parts}
        counts = {name: len(names) for name, names in self.classes.items()}
        self.standardise = Standardise(data.shape)
        self.front = Front(self.size, whitened, self.parts, classed.front, where)
        self.couplings = Couplings(self.d, hp.couplings, hp.hidden)
        self.prior = FactorialPrior(self.parts, counts, classed.mean_rate)
        moves = bool(self.parts) and self.consistency + self.matching > 0
        self.classifiers = Classifiers(self.d, counts) if moves else None
        self.cells = Cells(self.d, counts) if moves else None

    def code(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The couplings: z [N, D] and ln |det dz/dy| [N] of y [N, D]."""
        z, ladj = self.couplings().call_and_ladj(y[:, : self.d])
        return torch.cat([z, y[:, self.d :]], 1), ladj

    @torch.no_grad()
    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """z [N, D] of raw x [N, *shape], and its parts by name: z_FACTOR and z_rest."""
        z, _ = self.code(self.front(self._flat(x)))
        codes = {f"z_{name}": z[:, part] for name, part in self.parts.items()}
        first = max((part.stop for part in self.parts.values()), default=0)
        return {"z": z, **codes, "z_rest": z[:, first:]}

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """x [N, *shape], raw, of codes["z"] [N, D]."""
        z = codes["z"]
        y = torch.cat([self.couplings().inv(z[:, : self.d]), z[:, self.d :]], 1)
        return self.standardise.inverse(self.front.inverse(y).view(-1, *self.shape))

    def log_prob(self, x: Tensor, factors: Mapping[str, Tensor] | None = None) -> Tensor:
        """ln p(x | c) of raw x [N, *shape], nats per segment of standardised x, [N].

        factors: classes [N] by factor; where one is unknown (-1, or not named) it is the mixture over classes.
        """
        z, ladj = self.code(self.front(self._flat(x)))
        return self.prior.log_prob(z, factors or {}, self.prior.scores(z)) + ladj + self.front.log_det

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """x [n, *shape], raw: classes by their frequency in training, then z ~ p(z | c)."""
        return self.decode({"z": self.prior.sample((n, self.size), generator, self.front.m)})

    @torch.no_grad()
    def class_means(self) -> dict[str, Tensor]:
        """factor -> the learned means [classes, D], zero outside the factor's part."""
        found = {}
        for name, part in self.parts.items():
            mu = self.prior.mean(name)
            found[name] = mu.new_zeros(len(mu), self.size)
            found[name][:, part] = mu
        return found

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"flow": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Standardise, fit the front, and start the class means where it finds them.

        Goes through the batches seven times, eight where codes are moved. Errors: InputError for a class with too
        few segments, directions that do not vary or belong to two factors, or a frame that is not finite.
        """
        self.standardise.fit(_finite(batches))

        def items() -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
            for batch in batches:
                yield self._flat(batch.x), {name: batch.factors[name] for name in self.parts}

        additive = fit_additive(items(), {name: len(names) for name, names in self.classes.items()})
        if additive.items <= self.front.w:
            raise InputError(
                f"{self.front.w} whitened dimensions and {additive.items} training segments: the covariance would be "
                "singular",
                f"{self.where}.dimensions",
                "use more data or lower it",
            )
        check_counts(additive.counts, self.classes, self.of_parts)
        # The loop has seeded torch's own numbers; one of them is the seed of these.
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        for name, means in self.front.fit(items, additive, generator).items():
            self.prior.set(name, means, additive.counts[name])
        if self.cells is not None:
            y = ((self.front(x)[:, : self.d], factors) for x, factors in items())
            self.cells.fit(y, self._additive_cells(additive, self.cells))

    def _additive_cells(self, additive: Additive, cells: Cells) -> Tensor:
        """y [cells, d] of the additive model of x, some rows at a time: x of all cells may be large."""
        every = cells.every(self.front.m.device)
        found = []
        for i in range(0, len(cells.M), 256):
            some = {name: classes[i : i + 256] for name, classes in every.items()}
            rows = len(next(iter(some.values())))
            x = -additive.residual(self.front.m.new_zeros(rows, self.size), some)
            found.append(self.front(x)[:, : self.d])
        return torch.cat(found)

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Means, nats per segment: nll given the classes, log_prob without them (the mixture), cross_entropy_FACTOR,
        and of moved codes consistency and matching.

        In training loss = (nll + discriminative * sum of cross_entropy_FACTOR + their own weights * the last two) / d
        + what the classifiers lose on segments as they are. Elsewhere it is nll / d: weights are kept by their
        likelihood, since cross-entropies on unheard texts may rise from the first epoch on.
        """
        with torch.no_grad(), torch.autocast(batch.x.device.type, enabled=False):
            y = self.front(self._flat(batch.x))
        core, rest = y[:, : self.d], y[:, self.d :]
        noisy = core
        if schedule.training and self.noise:
            # What passes through learns nothing from noise.
            noisy = core + self._noise(core, self.noise, schedule.generator)
        z, ladj = self.couplings().call_and_ladj(noisy)
        with torch.autocast(batch.x.device.type, enabled=False):
            scores = self.prior.scores(z)
            beside = (ladj + standard_log_prob(rest) + self.front.log_det).mean()
            nll = -self.prior.log_prob(z, batch.factors, scores).mean() - beside
            log_prob = self.prior.log_prob(z, {}, scores).mean() + beside
            terms = {
                f"cross_entropy_{name}": self.prior.cross_entropy(name, score, batch.factors[name])
                for name, score in scores.items()
            }
        loss = nll + self.discriminative * sum(terms.values())
        if self.classifiers is not None and self.cells is not None:
            terms |= self._moved(self.classifiers, self.cells, noisy, z, batch.factors, schedule)
            loss = loss + self.consistency * terms["consistency"] + self.matching * terms["matching"]
        loss = (loss if schedule.training else nll) / self.d
        if self.classifiers is not None and schedule.training:
            own = self.classifiers.entropies(self._hidden(core, schedule), batch.factors, fixed=False)
            loss = loss + torch.stack(list(own.values())).sum(0).mean()
        require_finite(loss, batch)
        return {"loss": loss, "nll": nll, "log_prob": log_prob, "log_prob_given_classes": -nll, **terms}

    def _moved(
        self,
        g: Classifiers,
        cells: Cells,
        y: Tensor,
        z: Tensor,
        factors: Mapping[str, Tensor],
        schedule: Schedule,
    ) -> dict[str, Tensor]:
        """The means of consistency.py's two losses, every code z = f(y) being moved by one factor."""
        counts = {name: len(classes) for name, classes in self.classes.items()}
        targets, changed = draw_moves(factors, counts, schedule.generator)
        shift = torch.zeros_like(z)
        for name, part in self.parts.items():
            mu, c = self.prior.mean(name), factors[name].clamp(min=0)
            shift[:, part] = torch.where(changed[name][:, None], mu[targets[name].clamp(min=0)] - mu[c], 0)
        moved = self.couplings().inv(z + shift)
        read = g.entropies(self._hidden(moved, schedule), targets, fixed=True)
        return {
            "consistency": torch.stack(list(read.values())).sum(0).mean(),
            "matching": cells.matching(moved - y, factors, targets).mean(),
        }

    def _noise(self, like: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
        """White noise on standardised x, as the front gives it to the first d dimensions; like: [N, d]."""
        # Q is orthogonal: white noise on x is white noise on u.
        return self.front.scaled(deviation * standard_noise(like.shape, generator, like))

    def _hidden(self, y: Tensor, schedule: Schedule) -> Tensor:
        """n(y) of consistency.py, [N, d]."""
        eps = standard_noise(y.shape, schedule.generator, y)
        return y + self._noise(y, NOISE_X, schedule.generator) + NOISE_Y * eps

    def after_step(self) -> None:
        """Nothing to do."""

    def _flat(self, x: Tensor) -> Tensor:
        flat: Tensor = self.standardise(x).flatten(1)
        return flat


def _finite(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches. Errors: InputError that names the first frame that is not finite."""
    for batch in batches:
        require_finite(batch.x, batch)
        yield batch
