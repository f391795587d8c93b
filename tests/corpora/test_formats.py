"""Which files of a tree are sounds: what is read, by any suffix, and what is refused by its own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora import folder, textgrid
from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.trees import SOUNDS, UNREAD, find_sounds, walk
from speech_factorization.errors import InputError
from speech_factorization.parameters import CorpusParameters
from tests.corpora.sound_forms import sphere_of, tone, written

CORPUS = CorpusParameters(
    name="folder", source="", fold="arpabet", women=9, men=9, vowels=[], factors=[], sentences=[]
)
FORMS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".aif": ("AIFF", "PCM_16"),
    ".au": ("AU", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".oga": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def items(source: Path) -> list[Utterance | Refusal]:
    return list(folder.read(source, CORPUS, 0, 1, folder.Settings()))


def refused(found: list[Utterance | Refusal]) -> list[tuple[str, str, str, str, str]]:
    return [
        (one.utterance, one.of, one.file, one.reason, one.remedy) for one in found if isinstance(one, Refusal)
    ]


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    """A speaker's folder with one sound."""
    (tmp_path / "corpus/anna").mkdir(parents=True)
    soundfile.write(tmp_path / "corpus/anna/0.wav", tone(4800), 16_000)
    return tmp_path / "corpus/anna"


@pytest.mark.parametrize("upper", [False, True])
def test_every_suffix_of_a_sound_is_read(tmp_path: Path, upper: bool) -> None:
    wave = tone(16_000)
    for suffix in SOUNDS:
        content = sphere_of(wave.tobytes()) if suffix == ".sph" else written(*FORMS[suffix], wave)
        path = tmp_path / "anna" / f"{suffix[1:]}{suffix.upper() if upper else suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = items(tmp_path)
    assert len(found) == len(SOUNDS) == len(FORMS) + 1
    for one in found:
        assert isinstance(one, Utterance)
        assert one.wave.shape == (16_000,)
        assert np.corrcoef(one.wave, wave)[0, 1] > 0.99


@pytest.mark.parametrize("suffix", [*UNREAD, ".M4A"])
def test_a_sound_that_is_not_read_is_said(anna: Path, suffix: str) -> None:
    (anna / f"1{suffix}").write_bytes(b"sound")
    (anna / "notes.pdf").write_text("no sound")
    found = items(anna.parent)
    tool = "sph2pipe -f wav" if suffix in (".wv1", ".wv2", ".shn") else "ffmpeg -i"
    assert refused(found) == [
        ("anna_1", "utterance", f"anna/1{suffix}", "the format is not read", f"convert it: {tool} IN OUT.wav")
    ]
    # Once converted, its origin may stay.
    shutil.copy(anna / "0.wav", anna / "1.wav")
    assert [one.utterance for one in items(anna.parent)] == ["anna_0", "anna_1"]


def test_nothing_but_sounds_that_are_not_read(anna: Path) -> None:
    (anna / "0.wav").unlink()
    for number in range(2):
        (anna / f"{number}.m4a").write_bytes(b"sound")
    with pytest.raises(InputError) as error:
        find_sounds(walk(anna), "", "")
    assert ", but 2 of formats that are not read, such as 0.m4a; convert it: ffmpeg" in str(error.value)


def test_a_grid_whose_sound_is_not_read_is_refused_once(anna: Path) -> None:
    for suffix in (".wma", ".TextGrid"):
        (anna / f"1{suffix}").write_bytes(b"")
    found = list(textgrid.read(anna.parent, CORPUS, 0, 1, textgrid.Settings()))
    assert [one[0] for one in refused(found) if one[1] == "utterance"] == ["anna_1"]
