"""Identity: nothing is changed, nothing is learned."""

import torch

from speech_factorization.interfaces import Batch, Data, Schedule, Trainable
from speech_factorization.models.identity import Hyperparameters, Model


def test_utterances_are_their_own_code() -> None:
    model = Model(Hyperparameters(), Data({}, (257,)))
    x = torch.rand(2, 20, 257)
    assert torch.equal(model.encode(x, lengths=torch.tensor([20, 3]))["z"], x)
    assert torch.equal(model.decode(model.encode(x)), x)


def test_segments_are_standardised_and_back() -> None:
    model = Model(Hyperparameters(), Data({}, (20, 200)))
    x = torch.randn(50, 20, 200) * torch.rand(20, 200) - 3
    model.initialise([Batch(x, torch.full((50,), 20))])
    z = model.encode(x)["z"]
    assert z.shape == (50, 4000)
    torch.testing.assert_close(z.mean(0), torch.zeros(4000), atol=1e-3, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(4000), atol=1e-3, rtol=0)
    torch.testing.assert_close(model.decode({"z": z}), x, atol=1e-5, rtol=0)
    # A model of segments still passes utterances through.
    utterance = torch.rand(1, 31, 257)
    assert torch.equal(model.decode(model.encode(utterance)), utterance)


def test_there_is_nothing_to_train() -> None:
    model = Model(Hyperparameters(), Data({}, (20, 200)))
    assert isinstance(model, Trainable)
    assert model.players() == {}
    assert not list(model.parameters())
    batch = Batch(torch.zeros(1, 20, 200), torch.tensor([20]))
    schedule = Schedule(0, 1, 0, torch.Generator(), True)
    assert model.loss(batch, "model", schedule)["loss"] == 0
