"""Whatever stands in the files of a Kaldi data directory: it is read, or refused in one line; nothing hangs."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.base import SAMPLE_RATE, Refusal, Utterance
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.errors import InputError
from tests.corpora.kaldi_trees import (
    FRAMES,
    SAMPLES,
    change,
    names,
    read_all,
    times,
    write_alignments,
    write_kaldi,
)


@pytest.mark.parametrize("file", ["wav.scp", "text", "phones.ctm", "pipe.ark", "ali.ark", "pipe.wav"])
def test_a_named_pipe_that_nobody_writes_is_not_waited_for(tmp_path: Path, file: str) -> None:
    data = write_kaldi(tmp_path, {file: None})
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    (data / file).unlink(missing_ok=True)
    os.mkfifo(data / file)
    if file.startswith("pipe"):
        change(data, "wav.scp", f"anna-1 {file}" + ":0" * file.endswith(".ark"))
        assert sum(isinstance(item, Refusal) for item in read_all(data)) == 1
        return
    with pytest.raises(InputError, match="no file|no such file"):
        read_all(data, **times(file))


FILES = (
    "wav.scp",
    "utt2spk",
    "spk2gender",
    "text",
    "phones.ctm",
    "segments",
    "utt2split",
    "phones.txt",
    "ali.ark",
)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survive(data: Path, out: Path, **chosen: Any) -> None:
    """Read, write and read back: all is well or one clear line; labels lie in order inside their audio."""
    said = "nothing"
    try:
        items = read_all(data, **chosen)
        for item in items:
            assert isinstance(item, Refusal) or len(item.wave) >= SAMPLE_RATE // 10
            ends = [0]
            for label in item.labels if isinstance(item, Utterance) else ():
                assert label.begin is not None
                assert label.end is not None
                assert ends[-1] <= label.begin < label.end <= SAMPLES
                ends.append(label.end)
        write_corpus(items, out)
    except InputError as error:
        said = str(error)
    assert "\n" not in said
    if said != "nothing":
        return
    back = Corpus(out)
    kept = {item.utterance: item for item in items if isinstance(item, Utterance)}
    assert list(back.utterances["utterance"]) == list(kept)
    assert list(back.utterances["text"]) == [item.text for item in kept.values()]
    assert list(back.labels["symbol"]) == [label.symbol for item in kept.values() for label in item.labels]


@SLOW
@given(file=st.sampled_from(FILES), content=st.binary(max_size=200), at=st.floats(0, 1), kept=st.booleans())
def test_any_bytes_in_any_file(
    tmp_path_factory: pytest.TempPathFactory, file: str, content: bytes, at: float, kept: bool
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    data = write_kaldi(folder)
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    before = (data / file).read_bytes() if kept and (data / file).exists() else b""
    place = int(at * len(before))
    (data / file).write_bytes(before[:place] + content + before[place:])
    survive(data, folder / "out", **times(file))


WORD = st.one_of(
    st.sampled_from(
        [*names()[:3], "anna", "tape", "wav/anna-1.wav", "wav.scp:3", "true |", "|", ":", "f", "train", "1"]
    ),
    st.floats(-1, 1).map(lambda value: f"{value:.3f}"),
    st.text(max_size=5),
)
LINES = st.lists(st.lists(WORD, max_size=6).map(" ".join), max_size=6).map("\n".join)


@SLOW
@given(file=st.sampled_from(FILES), content=LINES, kept=st.booleans())
def test_any_lines_in_any_file(
    tmp_path_factory: pytest.TempPathFactory, file: str, content: str, kept: bool
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    data = write_kaldi(folder)
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    before = (data / file).read_bytes() if kept and (data / file).exists() else b""
    (data / file).write_bytes(before + content.encode("utf-8", "surrogatepass"))
    survive(data, folder / "out", **times(file))
