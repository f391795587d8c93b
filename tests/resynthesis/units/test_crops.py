"""Crops are a function of seed and epoch, lie inside their recordings, and cover them."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.units.crops import Crops, Heard

LENGTHS = [40, 7, 25, 10]
NAMES = ["a", "b", "c", "d"]


def made(utterance: str) -> torch.Tensor:
    """[T, 2]: which utterance, and which entry."""
    index = NAMES.index(utterance)
    return torch.stack([torch.full((LENGTHS[index],), float(index)), torch.arange(LENGTHS[index]).float()], 1)


def crops(shuffle: bool, seed: int = 0) -> Crops:
    return Crops(Heard(made, NAMES), LENGTHS, 10, 3, seed=seed, shuffle=shuffle)


def entries(batches: Crops, epoch: int) -> torch.Tensor:
    return torch.cat([batch.x for batch in batches(epoch)])


def test_side_by_side_where_nothing_is_shuffled() -> None:
    found = entries(crops(False), 0)
    assert len(crops(False)) == 3
    assert found.shape == (8, 10, 2)
    assert found[:, 0].tolist() == [[0, 0], [0, 10], [0, 20], [0, 30], [1, 0], [2, 0], [2, 10], [3, 0]]
    # The short one goes round.
    assert found[4, :, 1].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]


def test_shuffled_by_seed_and_epoch_alone() -> None:
    one, other = crops(True), crops(True)
    entries(one, 5)
    assert torch.equal(entries(one, 2), entries(other, 2))
    assert not torch.equal(entries(one, 2), entries(one, 3))
    assert not torch.equal(entries(one, 2), entries(crops(True, seed=1), 2))


def test_places_reach_from_the_first_entry_to_the_last() -> None:
    begins = torch.cat([entries(crops(True), epoch)[:, 0] for epoch in range(200)])
    of_a = begins[begins[:, 0] == 0, 1]
    assert (of_a.min(), of_a.max()) == (0, 30)
    assert len(of_a) == 800
    for epoch in range(3):
        whole = entries(crops(True), epoch)
        of_long = whole[whole[:, 0, 0] != 1]
        assert (of_long[..., 1].diff(dim=1) == 1).all()


def test_only_so_much_is_kept() -> None:
    asked: list[str] = []

    def make(utterance: str) -> torch.Tensor:
        asked.append(utterance)
        return made(utterance)

    heard = Heard(make, NAMES, cache_bytes=40 * 2 * 4)
    for _ in range(2):
        assert [len(heard[name]) for name in heard] == LENGTHS
    # The first fills the cache.
    assert asked == ["a", "b", "c", "d", "b", "c", "d"]


def test_no_utterances_are_said() -> None:
    with pytest.raises(InputError, match="no utterances to learn units from"):
        Crops(Heard(made, []), [], 10, 3)
