"""Coding with a toy: files give the codes back, rates are what files take, and quality is in the order it must be."""

import json
import os
from functools import cache

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.codecs import codec2
from speech_factorization.evaluation.experiments import coding, coding_quality
from speech_factorization.resynthesis.entropy import Counts
from tests.evaluation.codecs.test_codec2 import DECODER, ENCODER, install
from tests.resynthesis.speaking import CODES, Toy, material, no_waves


class Counted(Toy):
    """With the counts of what it encodes of the training speakers."""

    def __init__(self, heard=True) -> None:
        super().__init__()
        self.counts = Counts(2, 320, CODES + 1, 1280)
        for streams in trained() if heard else ():
            self.counts.add(*streams)


@cache
def trained():
    corpus = told()
    rows = corpus.table[corpus.table["speaker_split"] == "train"].itertuples()
    codes = [
        Toy().encode(torch.from_numpy(corpus.wave(row.utterance)), corpus.statistics.of(row.speaker))
        for row in rows
    ]
    return [(one.content, one.pitch) for one in codes]


class Silent(Counted):
    def decode(self, codes):
        return torch.zeros(codes.samples)


def told(**changed):
    """The material with the lengths of its utterances."""
    found = material(**changed)
    samples = [len(found.wave(name)) for name in found.table["utterance"]]
    return material(table=found.table.assign(samples=samples), **changed)


@pytest.fixture(scope="module")
def coded():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        return coding.run(Counted(), told(), limit=4)


def test_needs() -> None:
    assert coding.needs(Counted()) is None
    assert coding.needs(Toy()) == "has no counts of its codes"
    assert coding.needs(no_waves()) == "takes no waves"


def test_numbers_of_files(coded) -> None:
    found = coded.numbers["coding"]
    assert (found["files"], found["lossless"]) == (4, 1.0)
    assert found["seconds"] == pytest.approx(4 * 1.2)
    rates = found["rates"]
    # 50 units a second out of 2, and 12.5 pitch codes out of 62: a block may begin but not end.
    assert rates["content"]["nominal"] == rates["content"]["ceil"] == pytest.approx(50)
    assert rates["pitch"]["nominal"] == pytest.approx(12.5 * np.log2(CODES + 1))
    assert rates["pitch"]["ceil"] == pytest.approx(12.5 * 6)
    assert rates["content"]["conditional"] < rates["content"]["unigram"] < 50
    assert rates["content"]["tables"] < 30
    for form in ("kept", "removed"):
        of = rates[form]
        assert of["payload"] < of["file"] < of["amortised"] < of["alone"]
        # The voice: 4 + 256 bytes and 2 for its size, instead of 4 for its name; of five utterances of 1.2 s.
        assert of["alone"] - of["file"] == pytest.approx(8 * (4 + 256 + 2 - 4) / 1.2)
        assert of["amortised"] - of["file"] == pytest.approx(8 * (4 + 256) / (5 * 1.2))
    tables = rates["content"]["tables"] + rates["pitch"]["tables"]
    # Words of 4 bytes and what the coder needs to end.
    assert tables <= rates["kept"]["payload"] <= tables + 64 / 1.2
    parts = rates["removed"]["units"] + rates["removed"]["durations"] + rates["pitch"]["tables"]
    assert parts <= rates["removed"]["payload"] <= parts + 64 / 1.2
    json.dumps(coded.numbers, allow_nan=False)


def test_quality_is_in_the_order_it_must_be(coded) -> None:
    systems = coded.numbers["coding"]["systems"]
    opus = [f"opus_{rate}" for rate in coding.OPUS]
    assert list(systems) == ["original", "ours", "world", *opus]
    assert systems["original"]["bits_per_second"] == 256_000
    assert systems["original"]["mel_distance"] == systems["original"]["ffe"] == 0
    assert systems["original"]["phone_error"] == systems["original"]["eer"] == 0
    assert "bits_per_second" not in systems["world"]
    for measure, better in (("mel_distance", -1), ("stft_distance", -1), ("estoi", 1), ("pesq_wb", 1)):
        low, high = (better * systems[name][measure] for name in ("opus_6000", "opus_24000"))
        assert low < high < better * systems["original"][measure] + 1e-9
    rates = [systems[name]["bits_per_second"] for name in ("ours", *opus)]
    assert rates == sorted(rates)
    assert all(systems[name]["file_bits_per_second"] > systems[name]["bits_per_second"] for name in opus)
    # What the toy gives back has the voice and the height of the original.
    assert systems["ours"]["cosine"] > 0.95
    # Of the form the verb writes by default, be it the better one or not.
    kept = coded.numbers["coding"]["rates"]["kept"]
    ours = systems["ours"]
    assert (ours["bits_per_second"], ours["file_bits_per_second"]) == (kept["payload"], kept["amortised"])
    assert systems["ours"]["gpe"] < 0.05
    measures = {
        *coding_quality.SIGNAL,
        "mel_distance",
        "stft_distance",
        "mcd",
        "vde",
        "gpe",
        "ffe",
        "f0_rmse",
    }
    measures |= {"f0_rmse_cents", "log_f0_correlation", "phone_error", "cosine", "eer"}
    for name, found in systems.items():
        lacking = set(found.get("failed", {}))
        assert measures - lacking <= set(found), name


def test_figures_and_sounds(coded) -> None:
    assert set(coded.figures) == {"coding", "coding_spectrograms"}
    for figure in coded.figures.values():
        figure.canvas.draw()
    panels = coded.figures["coding"].axes
    assert [panel.get_xscale() for panel in panels] == ["log"] * 6
    titles = [axes.get_title() for axes in coded.figures["coding_spectrograms"].axes]
    assert titles[:3] == ["dan_two, original", "dan_two, ours", "dan_two, opus 6000"]
    names = {f"coding_{number}_{kind}" for number in (1, 2) for kind in ("original", "ours", "opus_6000")}
    assert set(coded.sounds) == names
    assert np.abs(coded.sounds["coding_1_original"]).max() == pytest.approx(0.5)


def test_codec2_is_measured_where_it_is_installed(coded, tmp_path, monkeypatch) -> None:
    absent = coded.numbers["coding"]["not_answered"]
    assert absent == {f"codec2_{mode.lower()}": absent["codec2_1300"] for mode in codec2.MODES}
    assert absent["codec2_1300"] == "no c2enc and no c2dec on PATH; install codec2"
    install(tmp_path, "c2enc", ENCODER)
    install(tmp_path, "c2dec", DECODER)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(coding, "OPUS", ())
    monkeypatch.setattr(codec2, "MODES", ("700C", "2400"))
    outcome = coding.run(Counted(), told(), limit=2)
    found = outcome.numbers["coding"]
    assert "not_answered" not in found
    # The pair of programs takes 8 bits of 8000 samples a second.
    assert found["systems"]["codec2_2400"]["bits_per_second"] == pytest.approx(64_000)
    assert found["systems"]["codec2_700c"]["mel_distance"] > 0
    assert {f"coding_{number}_codec2_700c" for number in (1, 2)} <= set(outcome.sounds)


def test_a_model_that_makes_silence(monkeypatch) -> None:
    """Measures without a value are counted and left out; nothing is no number."""
    monkeypatch.setattr(coding, "_systems", lambda: iter(()))
    found = coding.run(Silent(), told(), limit=2).numbers["coding"]
    assert found["lossless"] == 1.0
    assert found["systems"]["ours"]["failed"] == {"pesq_wb": 2, "stoi": 2, "estoi": 2}
    assert "pesq_wb" not in found["systems"]["ours"]
    assert "gpe" not in found["systems"]["ours"]
    json.dumps(found, allow_nan=False)


def test_losses_are_counted(monkeypatch) -> None:
    monkeypatch.setattr(coding, "_systems", lambda: iter(()))
    whole = coding.read

    def spoilt(data, tables, voice=None, where=""):
        codes = whole(data, tables, voice, where)
        if spoilt.first:
            codes.content[0] = 1 - codes.content[0]
        spoilt.first = False
        return codes

    spoilt.first = True
    monkeypatch.setattr(coding, "read", spoilt)
    assert coding.run(Counted(), told(), limit=4).numbers["coding"]["lossless"] == 0.75


def test_counts_are_worth_having(coded, monkeypatch) -> None:
    monkeypatch.setattr(coding, "_systems", lambda: iter(()))
    flat = coding.run(Counted(heard=False), told(), limit=4).numbers["coding"]["rates"]
    assert flat["content"]["tables"] == pytest.approx(50, rel=1e-3)
    assert coded.numbers["coding"]["rates"]["kept"]["payload"] < flat["kept"]["payload"]


def test_two_processes_find_the_same(coded, monkeypatch) -> None:
    monkeypatch.setattr(coding, "OPUS", coding.OPUS[:1])
    monkeypatch.setattr(codec2, "MODES", ())
    again = coding.run(Counted(), told(), limit=4, jobs=2).numbers["coding"]
    systems = coded.numbers["coding"]["systems"]
    assert again["systems"] == {name: systems[name] for name in again["systems"]}


def test_nothing_to_code() -> None:
    with pytest.raises(InputError, match="no utterance to code"):
        coding.run(Counted(), told(scored="valid"))
