"""Every fault is one clear line with file, place and remedy, or refused and counted; never half written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora import emodb as emodb_reader
from speech_factorization.corpora import timit as timit_reader
from speech_factorization.corpora.audio import SHORTEST, read_audio
from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.errors import InputError
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.trees import XLABEL_HEADER, noise, sphere

GOOD = "0.1 -1 a\n0.5 -1 .\n"


def stereo(path: Path) -> None:
    soundfile.write(path, np.stack([noise(16_000)] * 2, axis=1), 16_000)


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros(16_000, np.int16), 16_000)


def faint(path: Path) -> None:
    soundfile.write(path, noise(16_000) // 1000, 16_000)


def short(path: Path) -> None:
    soundfile.write(path, noise(SHORTEST - 1), 16_000)


def without_samples(path: Path) -> None:
    soundfile.write(path, noise(0), 22_050)


def infinite(path: Path) -> None:
    wave = noise(16_000) / 32768
    wave[7] = np.inf
    soundfile.write(path, wave, 16_000, subtype="FLOAT")


def text(path: Path) -> None:
    path.write_text("not sound at all\n")


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def shortened(path: Path) -> None:
    path.write_bytes(sphere(noise(16_000), "pcm,embedded-shorten-v2.00"))


BAD_AUDIO = [
    (stereo, "the audio is not mono", "2 channels", "remix"),
    (silence, "the audio is silent", "peak 0.0e+00", "leave it out"),
    (faint, "the audio is silent", "peak", "leave it out"),
    (short, "the audio is too short", "0.100 s", "leave it out"),
    (without_samples, "the audio is too short", "0.000 s", "leave it out"),
    (infinite, "the audio has samples that are no numbers", "sample 7", "export it again"),
    (text, "the audio file is unreadable", "not recognised", "copy it again"),
    (nothing, "the audio file is unreadable", "", "copy it again"),
    (missing, "the audio file is missing", "", "check the name"),
    (folder, "the audio file is missing", "", "check the name"),
    (shortened, "the audio is compressed with shorten", "NIST SPHERE header", "sph2pipe"),
]
NAMES = [case[0].__name__ for case in BAD_AUDIO]


@pytest.mark.parametrize(("spoil", "reason", "place", "remedy"), BAD_AUDIO, ids=NAMES)
def test_bad_audio_alone_is_one_line(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str, place: str, remedy: str
) -> None:
    path = tmp_path / "a.wav"
    spoil(path)
    with pytest.raises(InputError) as error:
        read_audio(path)
    line = str(error.value)
    assert line.startswith(str(path))
    assert reason in line
    assert place in line
    assert remedy in line
    assert "\n" not in line


@pytest.mark.parametrize(("spoil", "reason", "place", "remedy"), BAD_AUDIO, ids=NAMES)
@pytest.mark.parametrize("corpus", ["emodb", "timit"])
def test_bad_audio_in_a_corpus_is_refused_and_counted(
    tmp_path: Path,
    emodb: Callable[..., Path],
    timit: Callable[..., Path],
    parameters: Callable[..., object],
    corpus: str,
    spoil: Callable[[Path], None],
    reason: str,
    place: str,
    remedy: str,
) -> None:
    if corpus == "emodb":
        source = emodb({"03a01Fa": GOOD, "03b01Fa": GOOD, "08a01Fa": GOOD})
        file, reader = "wav/03b01Fa.wav", emodb_reader
    else:
        source = timit({"fajw0": "TRAIN/DR2", "madc0": "TEST/DR3"}, sentences=("sx3", "sx93"))
        file, reader = "TIMIT/TRAIN/DR2/FAJW0/SX93.WAV", timit_reader
    spoil(source / file)
    items = list(reader.read(source, parameters(corpus), 0, 1))
    refusals = [item for item in items if isinstance(item, Refusal)]
    assert [(refusal.file, refusal.of, refusal.reason) for refusal in refusals] == [
        (file, "utterance", reason)
    ]
    assert place in refusals[0].place
    assert remedy in refusals[0].remedy
    summary = write_corpus(items, tmp_path / "out")
    assert summary["refused"]["utterances"] == {reason: 1}
    assert summary["utterances"] == len(items) - 1
    assert refusals[0].utterance not in set(Corpus(tmp_path / "out").utterances["utterance"])


BAD_XLABEL = [
    ("", "the label file is empty", "no phone in it"),
    ("0.5 -1 .\n", "the label file is empty", "no phone in it"),
    (
        "0.1 -1 a\n0.3 -1 t\n0.2 -1 a\n0.5 -1 .\n",
        "labels run backwards",
        "line 9: 0.2 s does not come after 0.3 s",
    ),
    ("0.1 -1 a\n0.1 -1 t\n0.5 -1 .\n", "labels run backwards", "line 8: 0.1 s does not come after 0.1 s"),
    ("-0.1 -1 a\n0.5 -1 .\n", "labels run backwards", "line 7: -0.1 s lies before the audio"),
    ("0.1 -1 a\n0.3 -1 t\n", "the end of speech is not marked", "line 8"),
    ("0.1 -1 a\n0.3 -1 .\n0.4 -1 t\n", "a label follows the end of speech", "line 9: t"),
    ("0.1 -1 a\nhello\n0.5 -1 .\n", "a label line is malformed", "line 8: 'hello'"),
    ("0.1 -1 a\nnan -1 t\n0.5 -1 .\n", "a label line is malformed", "line 8: 'nan -1 t'"),
    ("1.1 -1 a\n1.5 -1 .\n", "labels end after the audio", "line 8: 1 of 1 labels end after 1.000 s"),
    (None, "the label file is missing", ""),
]


@pytest.mark.parametrize(("lines", "reason", "place"), BAD_XLABEL)
def test_bad_emodb_labels_leave_the_utterance_without_labels(
    tmp_path: Path,
    emodb: Callable[..., Path],
    parameters: Callable[..., object],
    lines: str | None,
    reason: str,
    place: str,
) -> None:
    source = emodb({"03a01Fa": lines, "08a01Fa": GOOD})
    items = list(emodb_reader.read(source, parameters("emodb"), 0, 1))
    refusal = items[0]
    assert isinstance(refusal, Refusal)
    assert (refusal.utterance, refusal.of, refusal.reason) == ("03a01Fa", "labels", reason)
    assert refusal.file == "lablaut/03a01Faxx.lablaut"
    assert refusal.place == place
    assert refusal.remedy
    summary = write_corpus(items, tmp_path / "out")
    assert summary["refused"] == {"utterances": {}, "labels": {reason: 1}, "some_labels": {}}
    assert (summary["utterances"], summary["labelled"]) == (2, 1)
    assert set(Corpus(tmp_path / "out").labels["utterance"]) == {"08a01Fa"}


def test_an_xlabel_file_without_its_header_is_empty(
    emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": GOOD})
    (source / "lablaut/03a01Faxx.lablaut").write_bytes(XLABEL_HEADER.encode().replace(b"#", b""))
    refusal = next(iter(emodb_reader.read(source, parameters("emodb"), 0, 1)))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "the label file is empty"


def test_emodb_labels_cut_off_by_the_audio_are_clipped_and_counted(
    tmp_path: Path, emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    cut = "0.5 -1 a\n0.9 -1 t\n1.2 -1 !t\n1.3 -1 I\n1.5 -1 .\n"
    rest = "0.5 -1 a\n0.99 -1 t\n1.5 -1 .\n"
    items = list(emodb_reader.read(emodb({"03a01Fa": cut, "08a01Fa": rest}), parameters("emodb"), 0, 1))
    refusals = [item for item in items if isinstance(item, Refusal)]
    assert [refusal.place for refusal in refusals] == [
        "line 9: 3 of 4 labels end after 1.000 s",
        "line 9: 1 of 2 labels end after 1.000 s",
    ]
    first, second = (item for item in items if isinstance(item, Utterance))
    assert [(label.symbol, label.end) for label in first.labels] == [
        ("sil", 8000),
        ("a", 14_400),
        ("t", 16_000),
    ]
    # 10 ms of a phone are too little to be called one.
    assert [(label.symbol, label.end) for label in second.labels] == [("sil", 8000), ("a", 15_840)]
    summary = write_corpus(items, tmp_path / "out")
    assert summary["refused"]["some_labels"] == {"labels end after the audio": 2}
    assert summary["labelled"] == 2


BAD_PHN = [
    ("", "the label file is empty", ""),
    ("0 800 h#\n700 2400 sh\n2400 4800 h#\n", "labels overlap", "line 2: sh begins at 700, before 800"),
    ("0 800 h#\n2400 800 sh\n", "labels run backwards", "line 2: 2400 to 800"),
    ("0 800 h#\n800 800 sh\n", "labels run backwards", "line 2: 800 to 800"),
    ("800 1600 sh\n0 800 h#\n", "labels run backwards", "line 2: 0 after 800"),
    ("0 800 h#\n800 9600 sh\n", "labels end after the audio", "line 2: sh ends at 0.600 s of 0.300 s"),
    ("0 4900 h#\n4900 9600 h#\n", "labels end after the audio", "line 1: h# ends at 0.306 s of 0.300 s"),
    ("0 800 h#\n800 sh\n", "a label line is malformed", "line 2: '800 sh'"),
    ("0 800 h#\n800 2400.5 sh\n", "a label line is malformed", "line 2: '800 2400.5 sh'"),
    (None, "the label file is missing", ""),
]


@pytest.mark.parametrize(("lines", "reason", "place"), BAD_PHN)
def test_bad_timit_labels_leave_the_utterance_without_labels(
    tmp_path: Path,
    timit: Callable[..., Path],
    parameters: Callable[..., object],
    lines: str | None,
    reason: str,
    place: str,
) -> None:
    source = timit({"fajw0": "TRAIN/DR2", "madc0": "TRAIN/DR3"}, sentences=("sx3",))
    path = source / "TIMIT/TRAIN/DR2/FAJW0/SX3.PHN"
    path.unlink() if lines is None else path.write_text(lines)
    items = list(timit_reader.read(source, parameters("timit"), 0, 1))
    refusal = items[0]
    assert isinstance(refusal, Refusal)
    assert (refusal.utterance, refusal.of, refusal.reason) == ("fajw0_sx3", "labels", reason)
    assert (refusal.file, refusal.place) == ("TIMIT/TRAIN/DR2/FAJW0/SX3.PHN", place)
    assert refusal.remedy
    summary = write_corpus(items, tmp_path / "out")
    assert summary["refused"] == {"utterances": {}, "labels": {reason: 1}, "some_labels": {}}
    assert (summary["utterances"], summary["labelled"]) == (2, 1)


def test_bad_words_leave_the_phones(
    tmp_path: Path, timit: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = timit({"fajw0": "TRAIN/DR2", "madc0": "TRAIN/DR3"}, sentences=("sx3",))
    (source / "TIMIT/TRAIN/DR2/FAJW0/SX3.WRD").write_text("")
    (source / "TIMIT/TRAIN/DR3/MADC0/SX3.TXT").unlink()
    summary = write_corpus(timit_reader.read(source, parameters("timit"), 0, 1), tmp_path / "out")
    assert summary["labelled"] == 2
    assert summary["refused"]["some_labels"] == {
        "the label file is empty": 1,
        "the label file is missing": 1,
    }
    assert set(Corpus(tmp_path / "out").words["utterance"]) == {"madc0_sx3"}


def test_files_without_permission(
    monkeypatch: pytest.MonkeyPatch, emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": GOOD})
    open_file = Path.open

    def refuse(path: Path, *arguments: object, **named: object) -> object:
        # Root reads whatever the mode says, so the mode cannot serve here.
        if path.name in ("03a01Fa.wav", "08a01Faxx.lablaut"):
            raise PermissionError(13, "Permission denied", str(path))
        return open_file(path, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    items = list(emodb_reader.read(source, parameters("emodb"), 0, 1))
    refusals = [item for item in items if isinstance(item, Refusal)]
    assert [(refusal.reason, refusal.place, refusal.remedy) for refusal in refusals] == [
        ("the audio file is unreadable", "Permission denied", "check its permissions"),
        ("the label file is unreadable", "Permission denied", "check its permissions"),
    ]


def test_names_that_are_not_the_corpuss_own(
    emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": GOOD, "03a99Fa": GOOD, "77a01Fa": GOOD, "03a01Xa": GOOD})
    soundfile.write(source / "wav/my voice.wav", noise(16_000), 16_000)
    items = list(emodb_reader.read(source, parameters("emodb"), 0, 1))
    refused = [item.file for item in items if isinstance(item, Refusal)]
    assert refused == ["wav/03a01Xa.wav", "wav/03a99Fa.wav", "wav/77a01Fa.wav", "wav/my voice.wav"]


@pytest.mark.parametrize("reader", [emodb_reader, timit_reader], ids=["emodb", "timit"])
@pytest.mark.parametrize("there", [True, False])
def test_a_missing_source_is_one_line_with_the_remedy(
    tmp_path: Path, parameters: Callable[..., object], reader: object, there: bool
) -> None:
    source = tmp_path / "data" / "corpus"
    if there:
        source.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{source}.*link your copy: ln -s .*{source}$") as error:
        write_corpus(reader.read(source, parameters("emodb"), 0, 1), tmp_path / "out")  # type: ignore[attr-defined]
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_which_nothing_is_usable(
    tmp_path: Path, emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": GOOD})
    for path in (source / "wav").iterdir():
        stereo(path)
    with pytest.raises(InputError, match=r"wav/03a01Fa.wav, 2 channels: no utterance .*2 refused.*remix"):
        write_corpus(emodb_reader.read(source, parameters("emodb"), 0, 1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nobody_left(emodb: Callable[..., Path], parameters: Callable[..., object]) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": GOOD})
    with pytest.raises(InputError, match="corpus.women 0, corpus.men 0: nobody is left of 2 speakers"):
        list(emodb_reader.read(source, parameters("emodb", women=0, men=0), 0, 1))


def test_an_unknown_symbol_is_named_with_count_and_place(
    tmp_path: Path, emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": GOOD, "08a01Fa": "0.1 -1 a\n0.2 -1 q#\n0.3 -1 a\n0.4 -1 q#\n0.5 -1 .\n"})
    write_corpus(emodb_reader.read(source, parameters("emodb"), 0, 1), tmp_path / "out")
    with pytest.raises(InputError) as error:
        fold_labels(Corpus(tmp_path / "out").labels, load_fold("emodb"))
    assert str(error.value) == (
        "labels, fold emodb: no fold for 'q#' (2 times, first in 08a01Fa at position 2); correct the label, "
        "map it (corpus.mapping: {symbol: phone}), or add the symbol to phones/data/emodb.csv"
    )
