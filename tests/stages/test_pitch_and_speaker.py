"""The stages pitch and speaker: what they write, killed in the midst, and where something lacks."""

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from speech_factorization.features.archives import Archive
from speech_factorization.resynthesis import parts
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics
from tests.stages.workspace import Workspace, parameters, write_timit


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Both stages on a small TIMIT; not to be changed."""
    folder = tmp_path_factory.mktemp("timit")
    values = parameters("timit", corpus={"source": str(write_timit(folder / "corpus"))})
    workspace = Workspace(folder / "work", values)
    workspace.do("corpus", "pitch", "speaker")
    return workspace


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pitch_has_codes_and_f0_of_every_utterance(done: Workspace) -> None:
    folder, table = done.folder / "prepared/pitch", done.table("corpus/utterances.csv")
    f0, codes, decoded = (Archive(folder / name) for name in ("f0", "codes", "decoded"))
    statistics = PitchStatistics.read_csv(folder / "statistics.csv")
    assert list(statistics.speakers) == sorted(table["speaker"].unique())
    coder = parts.load(folder)
    for row in table.itertuples():
        assert len(f0[row.utterance]) == len(decoded[row.utterance]) == -(-row.samples // 80)
        assert len(codes[row.utterance]) == -(-row.samples // 1280)
    again = coder.encode(torch.from_numpy(np.array(f0[row.utterance])), statistics.of(row.speaker))
    assert again.tolist() == codes[row.utterance].tolist()
    found = done.json("metrics/pitch.json")
    assert found["nominal_bits_per_second"] == pytest.approx(12.5 * np.log2(20))
    assert {"vde", "ffe", "usage", "perplexity", "unigram_bits_per_second"} <= found.keys()


def test_speaker_has_a_vector_of_every_utterance(done: Workspace) -> None:
    folder, table = done.folder / "prepared/speaker", done.table("corpus/utterances.csv")
    vectors = Archive(folder / "vectors")
    assert list(vectors) == table["utterance"].tolist()
    network = parts.load(folder)
    assert list(network.speakers) == sorted(table.loc[table["speaker_split"] == "train", "speaker"].unique())
    for vector in vectors.values():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    found = done.json("metrics/speaker.json")
    assert found["not_answered"] == {}
    assert 0 <= found["eer"] <= 1


@pytest.mark.parametrize(
    ("stage", "broken"),
    [
        ("pitch", "speech_factorization.features.archives.Writer.add_matrix"),
        ("pitch", "stages.pitch.PitchStatistics.write_csv"),
        ("speaker", "speech_factorization.features.archives.Writer.add_matrix"),
    ],
)
def test_interrupted_it_goes_on_and_ends_with_the_same_bytes(
    done: Workspace, tmp_path: Path, stage: str, broken: str
) -> None:
    workspace = done.copy(tmp_path / "work")
    whole = _bytes(workspace.folder / "prepared" / stage)
    for path in (workspace.folder / "prepared" / stage).iterdir():
        path.unlink()
    (workspace.folder / "prepared" / stage).rmdir()
    with mock.patch(broken, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        workspace.run(stage)
    (draft,) = (workspace.folder / "prepared").glob(f".{stage}.draft-*")
    trained = (draft / "part.json").exists()
    assert trained is broken.endswith("add_matrix")
    # What has been trained is not trained again.
    with mock.patch(
        "stages.parts.fit", **({"side_effect": AssertionError} if trained else {"wraps": _fit()})
    ):
        workspace.do(stage)
    assert _bytes(workspace.folder / "prepared" / stage) == whole
    assert not list((workspace.folder / "prepared").glob(".*"))


def _fit() -> object:
    from stages import parts as stage

    return stage.fit


def test_any_number_of_processes_writes_the_same(done: Workspace, tmp_path: Path) -> None:
    workspace = done.copy(tmp_path / "work")
    workspace.change(jobs=2)
    workspace.do("pitch")
    assert _bytes(workspace.folder / "prepared/pitch") == _bytes(done.folder / "prepared/pitch")


def test_the_table_has_one_vector_for_each_speaker(done: Workspace, tmp_path: Path) -> None:
    workspace = done.copy(tmp_path / "work")
    workspace.change(speaker={"type": "table"})
    workspace.do("speaker")
    table = workspace.table("corpus/utterances.csv")
    folder = workspace.folder / "prepared/speaker"
    vectors, part = Archive(folder / "vectors"), parts.load(folder)
    assert list(part.speakers) == sorted(table["speaker"].unique())
    for row in table.itertuples():
        assert vectors[row.utterance].tolist() == part.embed_name(row.speaker).tolist()
    assert "unseen" in workspace.json("metrics/speaker.json")["not_answered"]["verification"]


def test_without_speakers_of_each_split_both_say_so(done: Workspace, tmp_path: Path) -> None:
    workspace = done.copy(tmp_path / "work")
    path = workspace.folder / "prepared/corpus/utterances.csv"
    table = workspace.table("corpus/utterances.csv")
    table["speaker_split"], table["split"] = "train", "train"
    table.to_csv(path, index=False)
    ended = workspace.do("pitch", "speaker")
    assert "no speakers for valid and test" in ended["pitch"].err
    assert "kept back" in ended["speaker"].err
    for stage in ("pitch", "speaker"):
        assert (workspace.folder / "prepared" / stage / "empty.txt").is_file()
        assert stage in workspace.json(f"metrics/{stage}.json")["not_answered"]
    # F0 is there all the same: probes read it.
    assert len(Archive(workspace.folder / "prepared/pitch/f0")) == len(table)
