"""`interpolate`, `sample` and `denoise` with a small Glow, and one clear line for what cannot be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from speech_factorization import cli
from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.features.archives import write_matrices
from speech_factorization.features.batches import VowelBatches
from speech_factorization.features.segment_sound import level
from speech_factorization.features.vowels import vowel_spectrogram
from speech_factorization.interfaces import Data
from speech_factorization.models import glow, segment_vae
from speech_factorization.training.checkpoints import about_data, save

DATA = Data({"phone": ("aa", "ae")}, (288, 288))
SMALL = glow.Hyperparameters(
    frames=16, bands=16, scale="mel", length="stretch", levels=2, steps=1, hidden=4, squeezes=1, top="full"
)

Call = Callable[..., tuple[int, str]]


def tone(frequency: float, seconds: float, seed: int) -> np.ndarray:
    """Two sines in faint noise."""
    t = np.arange(round(16_000 * seconds)) / 16_000
    noise = 0.002 * np.random.default_rng(seed).standard_normal(len(t))
    return 0.1 * np.sin(2 * np.pi * 200 * t) + 0.1 * np.sin(2 * np.pi * frequency * t) + noise


@pytest.fixture(scope="session")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """checkpoints/glow, started and not trained, checkpoints/segment_vae, and prepared/ with its 24 training vowels."""
    folder = tmp_path_factory.mktemp("vowels")
    utterances, rows, arrays = [], [], {}
    for i in range(24):
        wave = tone(700 + 40 * i, 0.5, i)
        name = f"u{i:02d}"
        utterances.append(
            Utterance(name, "ann", "F", "train", "train", np.rint(wave * 32767).astype(np.int16), "")
        )
        sound = torch.from_numpy(wave.astype(np.float32))
        sound = sound * level(sound)
        arrays[f"{name}-0"] = vowel_spectrogram(sound, 2000, 4400).numpy()
        rows.append(
            (f"{name}-0", name, 0, ("aa", "ae")[i % 2], "ann", "F", "train", "train", 2000, 4400, 3200)
        )
    write_corpus(utterances, folder / "prepared" / "corpus")
    vowels = folder / "prepared" / "spectrograms" / "vowels"
    vowels.mkdir(parents=True)
    columns = ["segment", "utterance", "position", "phone", "speaker", "sex", "split", "speaker_split"]
    columns += ["begin", "end", "centre"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(vowels / "vowels.csv", index=False)
    write_matrices(vowels / "vowels", arrays.items())
    torch.manual_seed(0)
    model = glow.Model(SMALL, DATA)
    model.initialise(list(VowelBatches(arrays, table, DATA.factors, 8)(0)))
    vae = segment_vae.Hyperparameters(z_dim=4, hidden=[8])
    segments = Data({"phone": ("aa",)}, (20, 200))
    for name, hp, module, data in (
        ("glow", SMALL, model, DATA),
        ("segment_vae", vae, segment_vae.Model(vae, segments), segments),
    ):
        about = {"model": name, "hyperparameters": hp.model_dump(mode="json"), "data": about_data(data)}
        save(folder / "checkpoints" / name, module, about)
    return folder


@pytest.fixture
def call(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run a verb beside a.wav and b.wav, 150 ms each, and long.wav of 1 s; exit status and standard error."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", tone(800, 0.15, 1), 16_000)
    soundfile.write("b.wav", tone(1500, 0.2, 2), 16_000)
    soundfile.write("long.wav", tone(900, 1.0, 3), 16_000)
    soundfile.write("silent.wav", np.zeros(2000), 16_000)
    soundfile.write("half.wav", np.concatenate([tone(800, 0.15, 1), np.zeros(4000)]), 16_000)

    def run(verb: str, *arguments: str) -> tuple[int, str]:
        words = [verb, *arguments, "--checkpoints", str(there / "checkpoints")]
        monkeypatch.setattr(sys, "argv", ["speech-factorization", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().err

    return run


def heard(path: str = "out.wav") -> np.ndarray:
    wave, rate = soundfile.read(path)
    assert rate == 16_000
    return wave


def test_the_way_from_one_vowel_to_another(call: Call) -> None:
    assert call("interpolate", "a.wav", "b.wav", "out.wav", "--weights", "0,1") == (0, "")
    # Two vowels as long as A, and 150 ms of silence behind each.
    assert len(heard()) == 2 * (2400 + 2400)
    a, first = soundfile.read("a.wav")[0], heard()[:2400]
    assert np.corrcoef(a, first)[0, 1] > 0.9
    assert np.abs(first).max() == pytest.approx(np.abs(a).max(), rel=0.5)
    assert np.abs(heard()[2400:4800]).max() == 0
    assert call("interpolate", "long.wav", "a.wav", "other.wav", "--part-a", "0.2", "0.3", "--sphere") == (
        0,
        "",
    )
    assert len(heard("other.wav")) == 5 * (1600 + 2400)


def test_samples_are_the_seeds(call: Call) -> None:
    assert call("sample", "out.wav", "--count", "3") == (0, "")
    assert call("sample", "again.wav", "--count", "3") == (0, "")
    assert call("sample", "other.wav", "--count", "3", "--seed", "1") == (0, "")
    assert np.array_equal(heard(), heard("again.wav"))
    assert len(heard()) != len(heard("other.wav")) or not np.array_equal(heard(), heard("other.wav"))
    assert np.abs(heard()).max() == pytest.approx(0.5, abs=1e-3)
    assert call("sample", "phased.wav", "--count", "2", "--phase", "a.wav") == (0, "")
    assert len(heard("phased.wav")) == 2 * (2400 + 2400)


def test_noise_is_taken_out_of_the_vowel_alone(call: Call, there: Path) -> None:
    clean = tone(900, 1.0, 3)
    noisy = clean + 0.1 * np.random.default_rng(5).standard_normal(len(clean))
    soundfile.write("noisy.wav", noisy, 16_000)
    prepared = ("--prepared", str(there / "prepared"))
    said = call("denoise", "noisy.wav", "out.wav", "--begin", "0.4", "--end", "0.6", "--snr", "0", *prepared)
    assert said == (0, "")
    found, part = heard(), slice(6500, 9500)
    assert np.abs(found[:6400] - noisy[:6400]).max() < 1e-3
    assert np.abs(found[9600:] - noisy[9600:]).max() < 1e-3
    before, after = (np.square(wave[part] - clean[part]).mean() for wave in (noisy, found))
    assert after < 0.7 * before
    assert (
        call(
            "denoise", "noisy.wav", "same.wav", "--begin", "0.4", "--end", "0.6", "--strength", "0", *prepared
        )[0]
        == 0
    )
    assert np.abs(heard("same.wav") - noisy).max() < 1e-3


WAY = ("interpolate", "a.wav", "b.wav", "out.wav")
TO_LONG = ("interpolate", "a.wav", "long.wav", "out.wav")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*WAY[:3], "out.xyz"), "unknown ending '.xyz'"),
        ((*WAY[:2], "no.wav", "out.wav"), "no.wav"),
        (TO_LONG, "long.wav: a vowel of 1000 ms; name a part of 1 to 288 ms with --part-b"),
        ((*TO_LONG, "--part-b", "0.9", "1.1"), "--part-b: from 0.9 to 1.1 s of a sound of 1 s"),
        ((*WAY[:2], "silent.wav", "out.wav"), "silent.wav, peak 0.0e+00 of full scale: the audio is silent"),
        (
            (*WAY[:2], "half.wav", "out.wav", "--part-b", "0.2", "0.3"),
            "half.wav: silence from 0.2 to 0.3 s; name a vowel with --part-b",
        ),
        ((*WAY, "--weights", "0,x"), "--weights: no list of numbers: '0,x'"),
        ((*WAY, "--weights", "0,1.5"), "--weights: '0,1.5'; give at most 101 numbers from 0 to 1"),
        (("sample", "out.wav", "--count", "0"), "--count: 0 vowels"),
        (("sample", "out.wav", "--temperature", "-1"), "--temperature: a temperature of -1"),
        (("sample", "out.wav", "--model", "vae"), "no trained model 'vae' here; use glow or segment_vae"),
        (
            ("sample", "out.wav", "--model", "segment_vae"),
            "is no model of vowels; name one that is, e.g. glow",
        ),
        (("denoise", "a.wav", "out.wav", "--strength", "9"), "--strength: a strength of 9"),
        (("denoise", "a.wav", "out.wav", "--snr", "99"), "--snr: a ratio of 99 dB"),
        (("denoise", "a.wav", "out.wav"), "prepared/corpus: no corpus has been written here"),
        (("denoise", "long.wav", "out.wav"), "name a part of 1 to 288 ms with --begin, --end"),
    ],
)
def test_what_cannot_be_is_one_line(call: Call, words: tuple[str, ...], said: str) -> None:
    status, err = call(*words)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1
    assert not Path("out.wav").exists()


@pytest.mark.parametrize("verb", ["interpolate", "sample", "denoise"])
def test_help_waits_for_no_torch(verb: str) -> None:
    code = (
        f"import sys; sys.argv = ['speech-factorization', '{verb}', '--help']\n"
        "from speech_factorization import cli\n"
        "try: cli.main()\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "OUT" in done.stdout
