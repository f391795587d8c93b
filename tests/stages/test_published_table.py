"""The authors' networks on real speech: their figures again, from files to table."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speech_factorization.features.stft import power_spectrogram, unit_peak
from speech_factorization.reporting.measures import NOT_FED, OWN_PAST, TRUE_PAST
from stages.published_table import COLUMNS, PUBLISHED, nats, published_model, render, speech, table
from tests.stages.test_import_weights import as_published, build
from tests.stages.workspace import Workspace

# Measured by the authors' own classes with the same weights on the same 32 files, posterior mean.
TRUE = """
VAE             .0791  1.687  1.212  .798  .680  0.06
DKF             .0513  2.678  1.941  .901  .850  5.36
STORN           .0551  2.416  1.634  .883  .830  5.66
VRNN            .0466  2.891  2.250  .925  .891  7.24
SRNN            .0450  2.953  2.410  .930  .897  7.31
RVAE-Causal     .0786  1.853  1.287  .819  .717  1.01
RVAE-NonCausal  .0728  1.883  1.301  .832  .739  1.89
"""
# One unit of the last digit; of PESQ less than .01.
WITHIN = dict(zip(COLUMNS, (1e-4, 0.01, 0.01, 1e-3, 1e-3, 0.01), strict=False))

# Fed their own output: RMSE and raw PESQ. Theirs and ours part within some 40 frames at float32's precision.
OWN = {"STORN": (0.099, 1.14), "VRNN": (0.075, 1.87), "SRNN": (0.077, 2.09)}


@pytest.mark.slow
def test_the_whole_table(reference: Path) -> None:
    waves = speech(reference / "emodb")
    assert len(waves) == 32
    found = table(reference / "dvae-checkpoints", waves, jobs=2)
    assert set(found.index.get_level_values("weights")) == set(PUBLISHED)
    of_true = found.drop(OWN_PAST, level="feeding").droplevel("feeding")
    for line in TRUE.split("\n")[1:-1]:
        stem, *figures = line.split()
        for (title, within), figure in zip(WITHIN.items(), figures, strict=True):
            assert of_true.loc[stem, title] == pytest.approx(float(figure), abs=within), (stem, title)
    own = found.xs(OWN_PAST, level="feeding")
    assert set(own.index) == set(OWN)
    for stem, (rmse, pesq) in OWN.items():
        assert own.loc[stem, "RMSE"] == pytest.approx(rmse, abs=0.0015)
        assert own.loc[stem, "PESQ raw nb"] == pytest.approx(pesq, abs=0.03)
    assert own["KL"].isna().all()


def test_waves_are_those_the_authors_classes_were_given(reference: Path) -> None:
    waves = speech(reference / "emodb", of_each=1)
    firsts = ["03a01Fa", "08a01Ab", "09a01Ea", "10a01Ac", "11a01Aa", "13a01Ac", "15a01Ea", "16a01Ec"]
    assert list(waves) == firsts
    recorded = np.load(reference / "parity" / "VAE.npz")["u0_x"]
    x = power_spectrogram(torch.from_numpy(unit_peak(waves["03a01Fa"]))).numpy()
    assert x.shape == recorded.shape
    assert np.abs(x - recorded).max() <= 1e-6 * recorded.max()


@pytest.mark.parametrize("stem", PUBLISHED)
def test_nats_per_frame(stem: str, reference: Path) -> None:
    """Of one file those that were recorded, of two their mean, whatever the batch."""
    model, _ = published_model(PUBLISHED[stem], reference / "dvae-checkpoints" / f"{stem}.pt")
    waves = {name: unit_peak(wave) for name, wave in speech(reference / "emodb", of_each=1).items()}
    first, second = ({name: waves[name]} for name in ("03a01Fa", "16a01Ec"))
    recorded = np.load(reference / "parity" / f"{stem}.npz")
    one, other = nats(model, first), nats(model, second)
    assert one["reconstruction"] == pytest.approx(recorded["u0_recon_frame"].mean(), rel=1e-4)
    assert one["kl"] == pytest.approx(recorded["u0_kl_frame"].mean(), rel=1e-5)
    both = nats(model, first | second)
    assert len({len(wave) for wave in (first | second).values()}) == 2
    for name, value in both.items():
        assert value == pytest.approx((one[name] + other[name]) / 2, rel=1e-5)


def tone(seconds: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def test_first_files_of_each_speaker(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    for name in ("08b02Wa", "08a01Fa", "08a02Fa", "03a01Fa"):
        soundfile.write(tmp_path / "wav" / f"{name}.wav", tone(0.5, 22_050), 22_050)
    found = speech(tmp_path, of_each=2)
    assert list(found) == ["03a01Fa", "08a01Fa", "08a02Fa"]
    assert {len(wave) for wave in found.values()} == {8000}


def test_rows_and_their_rounding(tmp_path: Path) -> None:
    """An autoregressive network has two rows, of which the one on its own output has no nats."""
    for stem in ("VAE", "SRNN"):
        torch.save(as_published(build(PUBLISHED[stem])), tmp_path / f"{stem}.pt")
    noise = np.random.default_rng(0).normal(size=9000).astype(np.float32)
    found = table(tmp_path, {"a": noise, "b": noise[:8000]})
    assert list(found.index) == [("VAE", NOT_FED), ("SRNN", TRUE_PAST), ("SRNN", OWN_PAST)]
    lines = render(found, 2).splitlines()
    assert lines[0].startswith("The authors' weights on 2 utterances of EmoDB")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == ["weights", "feeding", *COLUMNS]
    assert [row[0] for row in cells[2:]] == ["VAE", "SRNN", "SRNN"]
    assert cells[2][2] == f"{found.loc[('VAE', NOT_FED), 'RMSE']:.4f}"
    assert cells[4][-2:] == ["", ""]


def test_bad_input(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work", {})
    speaker = tmp_path / "emodb" / "wav"
    speaker.mkdir(parents=True)

    def refused(said: str, *arguments: str) -> None:
        done = workspace.run("published_table", *arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done
        assert said in done.err

    def written(name: str, wave: np.ndarray, subtype: str = "PCM_16") -> None:
        soundfile.write(speaker / name, wave, 16_000, subtype=subtype)

    weights, emodb = str(tmp_path), str(tmp_path / "emodb")
    refused("give WEIGHTS EMODB [OUT.md]", weights)
    refused("no wav files here", weights, emodb)
    written("03a01Fa.wav", tone(0.5, 16_000))
    refused("no weights here", weights, emodb)
    # OUT is looked at before anything is read.
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "nowhere")
    refused(f"{tmp_path}: is a folder; name another file", nowhere, nowhere, str(tmp_path))
    out = tmp_path / "file" / "new" / "out.md"
    refused(f"{out}: its folder cannot be made (Not a directory)", nowhere, nowhere, str(out))
    refused("no wav files here", nowhere, nowhere, str(tmp_path / "new" / "out.md"))
    torch.save({"a": torch.ones(1)}, tmp_path / "VAE.pt")
    refused("VAE.pt: not the published weights of vae", weights, emodb)
    written("03a01Fb.wav", np.zeros((800, 2)))
    refused("03a01Fb.wav: not mono sound", weights, emodb)
    written("03a01Fb.wav", tone(200 / 16_000, 16_000))
    refused("03a01Fb.wav: 200 samples at 16 kHz are too short", weights, emodb)
    for value in (np.nan, np.inf):
        written("03a01Fb.wav", np.append(tone(0.5, 16_000), value), "FLOAT")
        refused("03a01Fb.wav: holds NaN or infinity", weights, emodb)
    (speaker / "03a01Fb.wav").write_bytes(b"RIFF")
    refused("03a01Fb.wav: cannot be read", weights, emodb)
