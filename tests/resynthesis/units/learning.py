"""Trainings of small networks on a few recordings, broken off after so many batches or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speech_factorization.interfaces import Batch
from speech_factorization.resynthesis.units.crops import Crops
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.seeds import seed_everything
from speech_factorization.training.settings import TrainSettings
from tests.resynthesis.units.speech import buzz


class BrokenOffError(Exception):
    """Stands for a kill."""


class Broken:
    """Batches of which no more than `life` can be had."""

    def __init__(self, batches: Crops, life: int) -> None:
        self.batches, self.life = batches, life

    def __len__(self) -> int:
        return len(self.batches)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for batch in self.batches(epoch):
            if not self.life:
                raise BrokenOffError
            self.life -= 1
            yield batch


def train(part: Any, scratch: Path, life: int = -1, **changed: Any) -> History:
    """Train a part on recordings of two voices; life: batches after which it is broken off."""
    settings = TrainSettings(**{name: getattr(part.settings, name) for name in TrainSettings.model_fields})
    entries = part.settings.crop // part.front.hop
    crops = []
    for seeds, shuffle in ((range(8), True), (range(8, 10), False)):
        heard = {str(seed): part.front(buzz(16_000, seed, 1.1 if seed % 2 else 1.0)) for seed in seeds}
        lengths = [len(x) for x in heard.values()]
        crops.append(Crops(heard, lengths, entries, settings.batch, seed=0, shuffle=shuffle))
    seed_everything(0)
    return fit(
        part,
        Broken(crops[0], life) if life >= 0 else crops[0],
        crops[1],
        settings.model_copy(update=changed),
        make_fabric("cpu", 1),
        scratch,
        seed=0,
        progress=False,
        save_every=0.0,
    )
