"""Readers with settings of their own, run as stages: a folder of sounds of the user, part of it from a telephone."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from tests.stages.workspace import KINDS, Workspace, by_speaker, parameters, spoken


def write_folder(folder: Path) -> Path:
    """SPEAKER/N.wav, four women and four men, one woman's at 8 kHz."""
    for number, (_, items) in enumerate(by_speaker()):
        for item in items:
            rate = 16_000 if number else 8000
            wave = resample_poly(item.wave / 32768, rate, 16_000)
            path = folder / item.speaker / f"{item.utterance}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.clip(wave, -1, 1), rate, subtype="PCM_16")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    """A workspace with such a folder and nothing done."""
    source = write_folder(tmp_path / "corpus")
    return Workspace(tmp_path / "work", parameters("folder", corpus={"source": str(source), "women": 8}))


def test_settings_reach_the_reader(made: Workspace) -> None:
    made.change(readers={"folder": {"speaker": r"/(?P<speaker>[FM])\d"}})
    out = made.run("corpus", "--check").out
    assert "speakers: 2 (sex unknown 2)\n" in out
    assert not (made.folder / "prepared").exists()
    made.change(readers={"folder": {"speaker": r"/(?P<speaker>[FM])\d", "sexes": "sexes.csv"}})
    done = made.run("corpus")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "sexes.csv: the table cannot be read" in done.err


def test_transcripts_become_segments(made: Workspace) -> None:
    """Words, their phones by espeak-ng, times by forced alignment."""
    source = Path(made.values["corpus"]["source"])
    for item in spoken():
        (source / item.speaker / f"{item.utterance}.txt").write_text(item.text, encoding="utf-8")
    made.do("corpus", "phones", "alignment", "segments")
    assert made.values["alignment"]["pauses"] == "optional"
    summary = made.json("prepared/corpus/summary.json")
    assert (summary["labelled"], summary["refused"]["labels"]) == (40, {})
    found = made.json("metrics/alignment.json")
    assert found["not_answered"] == {"boundaries": "the corpus has no phone times to compare with"}
    segments = made.table("segments/segments.csv")
    assert segments["utterance"].nunique() == 40
    assert (segments["end"] > segments["begin"]).all()
    assert {"aa", "iy", "s", "t"} <= set(segments["phone"])


def test_telephone_speech_is_marked_in_every_table(made: Workspace) -> None:
    """Without transcripts there are no phones: what needs none still runs."""
    made.do("corpus", "phones", "alignment", "segments", *(f"spectrograms@{kind}" for kind in KINDS))
    made.do("train@identity", "evaluate@identity", "tables")
    table = made.table("corpus/utterances.csv")
    assert table.groupby("speaker")["rate"].unique().map(list).tolist() == [[8000]] + [[16_000]] * 7
    share = table.loc[table["rate"] == 8000, "samples"].sum() / table["samples"].sum()
    assert made.json("metrics/alignment.json")["narrow_band"] == pytest.approx(share)
    said = f"Ours: corpus folder (narrow-band, recorded under 16 kHz: {share:.3g} of its hours), scale smoke."
    for path in (made.folder / "tables").iterdir():
        assert (said in path.read_text()) == (path.suffix != ".csv")
