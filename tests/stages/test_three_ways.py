"""One corpus by its own reader, from TextGrids and from a Kaldi data directory: the same segments, to the bit."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.tables import Corpus
from speech_factorization.features.archives import Archive
from stages import export_kaldi
from tests.corpora.grids import grid, write_grid
from tests.stages.workspace import KINDS, Workspace, parameters, write_emodb

TABLES = ("corpus/utterances", "corpus/labels", "phones/labels", "alignment/alignment", "segments/segments")

# What is the same in a segment wherever it comes from: names, positions and splits are the reader's.
TIMES = ["utterance", "phone", "speaker", "sex", "begin", "end", "centre"]


def real_emodb(reference: Path, folder: Path) -> Path:
    """Six speakers of the real EmoDB, what they say in a neutral voice."""
    for kind in ("wav", "lablaut"):
        (folder / kind).mkdir(parents=True)
        for path in (reference / "emodb" / kind).iterdir():
            if path.name[:2] in ("03", "08", "09", "10", "11", "13") and path.name[5] == "N":
                (folder / kind / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module", params=["small", pytest.param("real", marks=pytest.mark.slow)])
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """EmoDB by its own reader, up to the spectrograms; not to be changed."""
    folder = tmp_path_factory.mktemp("ways")
    if request.param == "real":
        source = real_emodb(request.getfixturevalue("reference"), folder / "emodb")
    else:
        source = write_emodb(folder / "emodb", labelled=True)
    made = Workspace(
        folder / "own", parameters("emodb", corpus={"source": str(source)}, alignment={"source": "labels"})
    )
    made.prepare()
    assert len(made.table("segments/segments.csv")) > 300
    return made


def another(own: Workspace, name: str, **changed: object) -> Workspace:
    """The same parameters but for the reader, in another folder, up to the spectrograms."""
    made = Workspace(own.folder.parent / name, own.values)
    made.change(**changed)
    made.prepare()
    return made


def archive(workspace: Workspace, kind: str) -> Archive:
    return Archive(workspace.folder / "prepared/spectrograms" / kind / kind)


def test_kaldi_gives_the_same_bytes(own: Workspace) -> None:
    out = own.folder.parent / "data"
    with contextlib.chdir(own.folder):
        assert export_kaldi.main([str(out)]) == 0
    kaldi = another(
        own,
        "kaldi",
        corpus={"name": "kaldi", "source": str(out)},
        readers={"kaldi": {"ctm": "labels.ctm", "factors": ["emotion"]}},
    )
    for name in TABLES:
        pd.testing.assert_frame_equal(kaldi.table(f"{name}.csv"), own.table(f"{name}.csv"), check_like=True)
    before, after = own.files(), kaldi.files()
    archives = [name for name in before if name.endswith(".ark")]
    assert len(archives) == 4
    assert [name for name in archives if after[name] != before[name]] == []


def tier(labels: pd.DataFrame, samples: int) -> Iterator[tuple[float, float, str]]:
    """Labels as a tier of Praat's, which has no gaps: begin and end in seconds, symbol."""
    place = 0
    for begin, end, symbol in zip(labels["begin"], labels["end"], labels["symbol"], strict=True):
        if begin > place:
            yield place / SAMPLE_RATE, begin / SAMPLE_RATE, ""
        yield begin / SAMPLE_RATE, end / SAMPLE_RATE, symbol
        place = end
    if place < samples:
        yield place / SAMPLE_RATE, samples / SAMPLE_RATE, ""


def write_grids(own: Workspace, folder: Path) -> Path:
    """SPEAKER/NAME.wav and .TextGrid, and sexes.csv."""
    corpus = Corpus(own.folder / "prepared/corpus")
    labels = dict(list(corpus.labels.groupby("utterance")))
    for name, speaker, samples, text in corpus.utterances[
        ["utterance", "speaker", "samples", "text"]
    ].itertuples(index=False):
        if name in labels:
            end = samples / SAMPLE_RATE
            tiers = {"words": [(0.0, end, text)], "phones": list(tier(labels[name], samples))}
            write_grid(folder / speaker / f"{name}.TextGrid", grid(end, **tiers))
        (folder / speaker).mkdir(parents=True, exist_ok=True)
        (folder / speaker / f"{name}.wav").symlink_to(
            Path(own.values["corpus"]["source"]) / f"wav/{name}.wav"
        )
    corpus.utterances[["speaker", "sex"]].drop_duplicates().to_csv(folder / "sexes.csv", index=False)
    return folder


def test_textgrids_give_the_same_segments(own: Workspace) -> None:
    source = write_grids(own, own.folder.parent / "grids")
    grids = another(
        own,
        "textgrid",
        corpus={"name": "textgrid", "source": str(source), "factors": ["phone", "speaker"]},
        readers={"textgrid": {"sexes": "sexes.csv"}},
    )
    ours, theirs = own.table("segments/segments.csv"), grids.table("segments/segments.csv")
    theirs["utterance"] = theirs["utterance"].str.partition("_")[2]
    both = ours.merge(theirs, on=TIMES, how="outer", suffixes=("", "_of_grids"), indicator=True)
    assert set(both["_merge"]) == {"both"}
    assert len(both) == len(ours)
    for kind in KINDS[:2]:
        first, second = archive(own, kind), archive(grids, kind)
        assert len(first) > 0
        pairs = dict(zip(both["segment"], both["segment_of_grids"], strict=True))
        assert {pairs[key] for key in first} == set(second)
        assert all(first[key].tobytes() == second[pairs[key]].tobytes() for key in first)
