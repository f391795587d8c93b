"""Authors' weights: every tensor finds its place, or one line says which does not."""

import pytest
import torch
from torch import nn

from speech_factorization.dynamical.published import load_published
from speech_factorization.errors import InputError

NAMES = {"0.": "first.", "1.": ("mean.", "logvar.")}


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4))


def state() -> dict[str, torch.Tensor]:
    shapes = {"first": (2, 3), "mean": (2, 2), "logvar": (2, 2)}
    tensors = {f"{name}.weight": torch.randn(*shape) for name, shape in shapes.items()}
    return tensors | {f"{name}.bias": torch.randn(2) for name in shapes}


def test_copies_and_stacks() -> None:
    model, theirs = net(), state()
    load_published(model, NAMES, theirs)
    assert torch.equal(model[0].weight, theirs["first.weight"])
    assert torch.equal(model[1].bias, torch.cat([theirs["mean.bias"], theirs["logvar.bias"]]))


def test_longest_beginning_counts() -> None:
    model, theirs = net(), state()
    swapped = {"0.": "first.", "1.": ("mean.", "logvar."), "1.bias": ("logvar.bias", "mean.bias")}
    load_published(model, swapped, theirs)
    assert torch.equal(model[1].bias, torch.cat([theirs["logvar.bias"], theirs["mean.bias"]]))


def test_missing_unused_misshapen_and_unnamed_are_errors() -> None:
    for change, message in (
        ({"mean.bias": None}, r"mean\.bias is missing"),
        ({"extra.bias": torch.zeros(1)}, r"extra\.bias is not used"),
        ({"first.weight": torch.zeros(3, 2)}, r"first\.weight has shape \(3, 2\), 0\.weight \(2, 3\)"),
    ):
        wrong = {name: value for name, value in (state() | change).items() if value is not None}
        model = net()
        before = model[0].weight.clone()
        with pytest.raises(InputError, match=message):
            load_published(model, NAMES, wrong)
        assert torch.equal(model[0].weight, before)
    with pytest.raises(InputError, match=r"no published name for 1\."):
        load_published(net(), {"0.": "first."}, state())


def test_many_faults_are_counted_and_change_nothing() -> None:
    model, theirs = net(), state()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    theirs["first.bias"][0] = torch.nan
    theirs["mean.weight"] = theirs["mean.weight"].long()
    del theirs["logvar.bias"]
    wrong = theirs | {"extra": torch.zeros(1), "other": torch.zeros(1)}
    said = (
        r"^x\.pt: not the published weights of \w+: first\.bias holds NaN or infinity, "
        r"mean\.weight is no floating-point tensor, logvar\.bias is missing and 2 more faults; "
    )
    with pytest.raises(InputError, match=said):
        load_published(model, NAMES, wrong, "x.pt")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
