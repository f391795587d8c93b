"""What a corpus has too little of is said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from speech_factorization.features.archives import write_matrices, write_waves
from stages.data import Segments, Utterances, of_speakers

NAMES = ["short", "long", "of-valid", "of-test"]


def test_utterances_shorter_than_a_chunk_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "spectrograms" / "utterances"
    folder.mkdir(parents=True)
    wave = np.random.default_rng(0).integers(-9999, 9999, 16_000).astype(np.int16)
    write_waves(folder / "utterances", [(name, wave) for name in NAMES[1:]] + [("short", wave[:2000])])
    splits = ["train", "train", "valid", "test"]
    table = pd.DataFrame({"utterance": NAMES, "speaker": "s", "split": "train", "speaker_split": splits})
    table.to_csv(folder / "utterances.csv", index=False)
    utterances = Utterances(tmp_path)
    assert utterances.chunks("train", 20, 4).items == 3
    assert "train: 3 chunks of 20 frames; 1 of 2 utterances are shorter" in capsys.readouterr().err
    utterances.chunks("train", 5, 4)
    assert capsys.readouterr().err == ""


def test_an_empty_cell_is_no_class_but_unknown(tmp_path: Path) -> None:
    for folder in ("segments", "spectrograms/segments"):
        (tmp_path / folder).mkdir(parents=True)
    names = [f"u-{i}" for i in range(6)]
    sexes = ["F", "", "M", "F", "", "M"]
    splits = ["train", "train", "train", "valid", "test", "test"]
    table = pd.DataFrame({"segment": names, "utterance": "u", "phone": "aa", "sex": sexes, "split": splits})
    table.to_csv(tmp_path / "segments" / "segments.csv", index=False)
    matrices = ((name, np.zeros((20, 200), np.float32)) for name in names)
    write_matrices(tmp_path / "spectrograms" / "segments" / "segments", matrices)
    segments = Segments(["phone", "sex"], tmp_path)
    assert segments.factors == {"phone": ("aa",), "sex": ("F", "M")}
    (batch,) = segments.batches("train", 3)(0)
    assert batch.factors["sex"].tolist() == [0, -1, 1]


def test_sentences_that_are_scored_are_not_trained_on() -> None:
    """As in EmoDB: everyone says the same. A text that is scored of test speakers is nobody's to train on."""
    rows = [
        (f"{speaker}{text}", speaker, part, {"x": "test"}.get(text, "train"), text)
        for speaker, part in (("a", "train"), ("b", "valid"), ("c", "test"))
        for text in ("x", "y", "")
    ]
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "speaker_split", "split", "text"])
    found = {part: of_speakers(table, part)["utterance"].tolist() for part in ("train", "valid", "test")}
    assert found == {"train": ["ay", "a"], "valid": ["by", "b"], "test": ["cx", "cy", "c"]}
    # Said by no test speaker, a sentence is as good as any.
    own = table[table["utterance"] != "cx"]
    assert of_speakers(own, "train")["utterance"].tolist() == ["ax", "ay", "a"]
