"""`stages/corpus.py --check` says what is in a corpus and writes none."""

from pathlib import Path

import pytest

from tests.stages.workspace import Workspace, parameters, write_emodb, write_timit


@pytest.fixture
def timit(tmp_path: Path) -> Workspace:
    """A workspace with a small TIMIT and nothing done."""
    source = write_timit(tmp_path / "corpus")
    return Workspace(tmp_path / "work", parameters("timit", corpus={"source": str(source)}))


def test_check_prints_and_stops(timit: Workspace) -> None:
    done = timit.run("corpus", "--check")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("40 utterances, ")
    for line in (
        "speakers: 8 (women 4, men 4)\n",
        "recorded at 16000 Hz: ",
        "phones: ",
        "refused: nothing\n",
    ):
        assert line in done.out
    assert not (timit.folder / "prepared").exists()
    assert (timit.folder / "logs" / "corpus.png").read_bytes().startswith(b"\x89PNG")


def test_the_whole_stage_says_the_same(timit: Workspace) -> None:
    checked = timit.run("corpus", "--check").out
    assert timit.run("corpus").out == checked
    before = timit.files()
    assert timit.run("corpus", "--check").out == checked
    assert timit.files() == before


def test_what_is_printed_is_what_the_stage_phones_counts(timit: Workspace) -> None:
    out = timit.run("corpus", "--check").out
    timit.do("corpus", "phones")
    counts = timit.table("phones/counts.csv").groupby("phone")["count"].sum()
    said = out[out.index("  class ") : out.index("refused:")].splitlines()[1:]
    assert {line.split()[0]: int(line.split()[1]) for line in said} == counts.to_dict()


def test_faults_are_said_after_what_was_found(timit: Workspace) -> None:
    path = Path(timit.values["corpus"]["source"]) / "TIMIT/TRAIN/DR1/FAJW0"
    labels = path / "SX93.PHN"
    labels.write_text(labels.read_text().replace(" h#", " zz"))
    (path / "SX183.WAV").write_bytes(b"no sound")
    done = timit.run("corpus", "--check")
    assert done.status == 0
    assert "  'zz' x 2, first in fajw0_sx93 at position 0\n" in done.out
    assert (
        "refused utterances x 1: the audio file is unreadable (first TIMIT/TRAIN/DR1/FAJW0/SX183.WAV"
        in done.out
    )
    timit.change(corpus={"mapping": {"zz": "sil"}})
    assert "'zz'" not in timit.run("corpus", "--check").out
    timit.do("corpus", "phones")
    first = timit.table("phones/labels.csv").query("utterance == 'fajw0_sx93'").iloc[0]
    assert (first["symbol"], first["phone"]) == ("zz", "sil")


def test_nothing_usable(tmp_path: Path) -> None:
    source = write_emodb(tmp_path / "corpus")
    for path in (source / "wav").iterdir():
        path.write_bytes(b"")
    made = Workspace(tmp_path / "work", parameters("emodb", corpus={"source": str(source)}))
    done = made.run("corpus", "--check")
    assert done.status == 2
    assert done.out.startswith("0 utterances, ")
    assert done.err.startswith("corpus---check: wav/")
    assert "no utterance of the corpus is usable (18 refused): the audio file is unreadable" in done.err


def test_arguments_and_mappings_that_are_none(timit: Workspace) -> None:
    done = timit.run("corpus", "--chekc")
    assert (done.status, done.out) == (2, "")
    assert "no such argument: --chekc; there is --check" in done.err
    timit.change(corpus={"mapping": {"zz": "silence"}})
    done = timit.run("corpus", "--check")
    assert done.status == 2
    assert "corpus.mapping: fold timit has no such phone: 'zz' to 'silence'; choose from aa, ae" in done.err
