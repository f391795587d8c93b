"""WSJ0 on the discs of LDC, and as CHiME-2 recorded it again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.ldc import read_transcripts
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.corpora.wsj0 import Settings, read
from speech_factorization.errors import InputError
from speech_factorization.parameters import CorpusParameters
from tests.corpora.trees import noise, sphere

SPEAKERS = {
    "11-1.1/wsj0/si_tr_s": ("011", "01a"),
    "11-2.1/wsj0/si_tr_s": ("401",),
    "11-6.1/wsj0/si_dt_05": ("050", "22h"),
    "11-14.1/wsj0/si_et_05": ("440", "447"),
}
WOMEN = {"011", "01a", "050", "447"}
SPLIT_ORDER = ("train", "valid", "test")
NUMBERS = ("c0201", "c0202", "c020a", "a0101")


def disc(path: str) -> str:
    return path.split("/")[0]


@pytest.fixture
def wsj0(tmp_path: Path) -> Path:
    """The discs as LDC numbers them, their sound already expanded; transcripts beside the test sets as there."""
    root = tmp_path / "wsj0"
    for folder, speakers in SPEAKERS.items():
        for place, speaker in enumerate(speakers):
            own = root / folder / speaker
            own.mkdir(parents=True)
            for seed, number in enumerate(NUMBERS):
                (own / f"{speaker}{number}.wv1").write_bytes(sphere(noise(3200, seed + place)))
                (own / f"{speaker}{number}.wv2").write_bytes(b"the second microphone")
            dots = own
            if "si_tr_s" in folder:
                dots = root / "11-4.1/wsj0/transcrp/dots/si_tr_s" / speaker
                dots.mkdir(parents=True)
            (dots / f"{speaker}c0200.dot").write_text(
                f"The  sale of [door_slam] the hotels ({speaker}c0201)\n"
                f"Some said ,COMMA {speaker} *very* (late) .PERIOD ({speaker}C0202)\n"
                f"Alpha {speaker} ({speaker}c020a)\n"
            )
            (own / f"{speaker}a0100.ptx").write_text(f"Adapt to me ({speaker}a0101 871205-0101.1)\n")
    info = root / "11-13.1/wsj0/doc/spkrinfo.txt"
    info.parent.mkdir(parents=True)
    lines = ["; speaker information", "ID  G  DIALECT", "---  -  -------"]
    for folder, speakers in SPEAKERS.items():
        lines += [f"{who.upper()}  {'F' if who in WOMEN else 'M'}  {disc(folder)}" for who in speakers]
    info.write_text("\n".join(lines) + "\n")
    return root


def parted(items: list[Utterance | Refusal]) -> tuple[dict[str, Utterance], list[Refusal]]:
    return {item.utterance: item for item in items if isinstance(item, Utterance)}, [
        item for item in items if isinstance(item, Refusal)
    ]


def all_of(
    source: Path, parameters: Callable[..., object], **more: object
) -> tuple[dict[str, Utterance], list[Refusal]]:
    """What is read: everyone unless said otherwise."""
    settings = more.pop("settings", Settings())
    chosen = parameters("wsj0", **({"women": 9, "men": 9} | more))
    return parted(list(read(source, chosen, 0, 1, settings)))  # type: ignore[arg-type]


def test_ldcs_discs(wsj0: Path, parameters: Callable[..., object]) -> None:
    found, refused = all_of(wsj0, parameters)
    assert not refused
    assert len(found) == 7 * len(NUMBERS)
    one = found["01ac0201"]
    assert (one.speaker, one.sex, one.speaker_split) == ("01a", "F", "train")
    assert one.text == "The sale of [door_slam] the hotels"
    np.testing.assert_array_equal(one.wave, noise(3200, 1))
    assert found["22hc0202"].text == "Some said ,COMMA 22h *very* (late) .PERIOD"
    assert found["22ha0101"].text == "Adapt to me"
    assert found["22ha0101"].sex == "M"
    assert not any(item.labels or item.words for item in found.values())
    assert list(found) == sorted(found, key=lambda name: (SPLIT_ORDER.index(found[name].speaker_split), name))


def test_parts_are_the_speaker_split(wsj0: Path, parameters: Callable[..., object]) -> None:
    found, _ = all_of(wsj0, parameters)
    parts = {
        part: {item.speaker for item in found.values() if item.speaker_split == part} for part in SPLIT_ORDER
    }
    assert parts == {"train": {"011", "01a", "401"}, "valid": {"050", "22h"}, "test": {"440", "447"}}


@pytest.mark.parametrize(("disc", "part"), [("11-6.1", "si_dt_05"), ("11-14.1", "si_et_05")])
def test_a_part_that_is_not_there_is_said_before_sound_is_read(
    wsj0: Path, parameters: Callable[..., object], disc: str, part: str
) -> None:
    (wsj0 / disc).rename(wsj0.parent / disc)
    for path in wsj0.rglob("*.wv1"):
        path.write_bytes(b"no sound")
    with pytest.raises(InputError, match=f"no recording in {part}; check that all parts of the corpus are"):
        all_of(wsj0, parameters)


def test_split_is_by_text(wsj0: Path, parameters: Callable[..., object]) -> None:
    found, _ = all_of(wsj0, parameters)
    sides: dict[str, set[str]] = {}
    for item in found.values():
        sides.setdefault(item.text, set()).add(item.split)
    assert all(len(own) == 1 for own in sides.values())
    assert {item.split for item in found.values()} == set(SPLIT_ORDER)


def test_without_documents_there_is_no_text_and_no_sex(wsj0: Path, parameters: Callable[..., object]) -> None:
    for path in [*wsj0.rglob("*.dot"), *wsj0.rglob("*.ptx"), *wsj0.rglob("*.txt")]:
        path.unlink()
    found, refused = all_of(wsj0, parameters)
    assert not refused
    assert {(item.text, item.sex) for item in found.values()} == {("", "")}
    for speaker in ("011", "447"):
        assert {item.split for item in found.values() if item.speaker == speaker} == set(SPLIT_ORDER)


def test_what_was_said_goes_before_what_was_to_be_read(wsj0: Path, parameters: Callable[..., object]) -> None:
    folder = wsj0 / "11-6.1/wsj0/si_dt_05/050"
    (folder / "050c0200.ptx").write_text("To be read (050c0201 X)\n")
    found, _ = all_of(wsj0, parameters)
    assert found["050c0201"].text == "The sale of [door_slam] the hotels"
    (folder / "050c0200.dot").unlink()
    found, refused = all_of(wsj0, parameters)
    assert found["050c0201"].text == "To be read"
    assert [(item.utterance, item.reason) for item in refused] == [
        ("050c0202", "the transcript has no line for the utterance"),
        ("050c020a", "the transcript has no line for the utterance"),
    ]


def test_upper_case_merged_folders_and_wav(tmp_path: Path, parameters: Callable[..., object]) -> None:
    for part, speaker in (("wsj0_si_tr_s", "011"), ("WSJ0_SI_DT_05", "22H"), ("wsj0_si_et_05", "440")):
        folder = tmp_path / part / speaker
        folder.mkdir(parents=True)
        soundfile.write(folder / f"{speaker}C0201.WAV", noise(3200), 16_000)
        # LDC's own beside it is not needed any more.
        (folder / f"{speaker}C0201.WV1").write_bytes(sphere(noise(9), "pcm,embedded-shorten-v2.00"))
    found, refused = all_of(tmp_path, parameters)
    assert list(found) == ["011c0201", "22hc0201", "440c0201"]
    assert not refused


def test_types_of_sentence(wsj0: Path, parameters: Callable[..., object]) -> None:
    found, _ = all_of(wsj0, parameters, sentences=["a"])
    assert {name[3:] for name in found} == {"a0101"}
    with pytest.raises(InputError, match="no sentence of type S; choose from A, C"):
        all_of(wsj0, parameters, sentences=["S", "C"])


def test_so_many_women_and_men_of_each_part(wsj0: Path, parameters: Callable[..., object]) -> None:
    found, _ = all_of(wsj0, parameters, women=1, men=0)
    speakers = {item.speaker_split: item.speaker for item in found.values()}
    assert speakers.keys() == set(SPLIT_ORDER)
    assert set(speakers.values()) <= WOMEN
    again, _ = all_of(wsj0, parameters, women=1, men=0)
    assert list(again) == list(found)
    with pytest.raises(InputError, match=r"corpus.women 0, corpus.men 0: nobody is left"):
        all_of(wsj0, parameters, women=0, men=0)


@pytest.fixture
def chime2(tmp_path: Path) -> Path:
    """CHiME-2's second track: stereo, noisy speech by signal-to-noise ratio, the same speech without noise."""
    root = tmp_path / "chime2-wsj0"
    for part, speaker in (("si_tr_s", "011"), ("si_dt_05", "050"), ("si_et_05", "440")):
        places = [f"scaled/{part}", f"isolated/{part}/m6dB/data", f"isolated/{part}/9dB/data"]
        for place in places:
            folder = root / place / speaker
            folder.mkdir(parents=True)
            both = np.stack([noise(3200, 1), noise(3200, 2)], axis=1)
            soundfile.write(folder / f"{speaker}c0201.wav", both, 16_000)
    return root


def test_chime2_has_one_kind_and_one_channel(chime2: Path, parameters: Callable[..., object]) -> None:
    for channel in (1, 2):
        found, refused = all_of(chime2 / "scaled", parameters, settings=Settings(channel=channel))
        assert not refused
        assert list(found) == ["011c0201", "050c0201", "440c0201"]
        np.testing.assert_array_equal(found["050c0201"].wave, noise(3200, channel))
    with pytest.raises(
        InputError, match=r"2 recordings of each .*isolated, scaled; let corpus.source name one"
    ):
        all_of(chime2, parameters)


def test_chime2s_noise_is_in_the_name(chime2: Path, parameters: Callable[..., object]) -> None:
    found, refused = all_of(chime2 / "isolated", parameters)
    assert not refused
    assert [name for name in found if name.startswith("440")] == ["440c0201_9dB", "440c0201_m6dB"]
    # One text, however loud the noise: one side.
    assert len({item.split for item in found.values() if item.speaker == "440"}) == 1


@pytest.mark.parametrize("name", ["my voice.wav", "440c02011.wv1", "011.wav", "c0201.sph", "011_0201.wav"])
def test_names_of_another_kind(wsj0: Path, parameters: Callable[..., object], name: str) -> None:
    soundfile.write(wsj0 / "11-1.1/wsj0/si_tr_s/011" / name, noise(3200), 16_000, format="WAV")
    found, refused = all_of(wsj0, parameters)
    assert len(found) == 7 * len(NUMBERS)
    assert [(item.of, item.reason, item.file) for item in refused] == [
        ("utterance", "the file's name is not one of WSJ0's", f"11-1.1/wsj0/si_tr_s/011/{name}")
    ]
    assert "such as 011c0201" in refused[0].remedy


def test_a_speaker_of_two_parts_stays_in_the_first(wsj0: Path, parameters: Callable[..., object]) -> None:
    soundfile.write(wsj0 / "11-1.1/wsj0/si_tr_s/011/440c0209.wav", noise(3200), 16_000)
    found, refused = all_of(wsj0, parameters)
    assert found["440c0209"].speaker_split == "train"
    assert not any(item.speaker == "440" and item.speaker_split != "train" for item in found.values())
    assert {(item.reason, item.place) for item in refused if item.of == "utterance"} == {
        ("the speaker is in two parts", "440 is in si_tr_s too")
    }


def test_an_utterance_twice(wsj0: Path, parameters: Callable[..., object]) -> None:
    folder = wsj0 / "copy/si_tr_s/011"
    folder.mkdir(parents=True)
    soundfile.write(folder / "011c0201.wav", noise(4000), 16_000)
    found, refused = all_of(wsj0, parameters)
    assert len(found["011c0201"].wave) == 4000
    assert [(item.file, item.reason, item.place) for item in refused] == [
        (
            "11-1.1/wsj0/si_tr_s/011/011c0201.wv1",
            "the utterance is there twice",
            "the other is copy/si_tr_s/011/011c0201.wav",
        )
    ]


def test_shorten_is_named_with_the_remedy(
    tmp_path: Path, wsj0: Path, parameters: Callable[..., object]
) -> None:
    path = wsj0 / "11-1.1/wsj0/si_tr_s/011/011c0201.wv1"
    path.write_bytes(sphere(noise(3200), "pcm,embedded-shorten-v2.00"))
    found, refused = all_of(wsj0, parameters)
    assert "011c0201" not in found
    assert [(item.utterance, item.of, item.reason) for item in refused] == [
        ("011c0201", "utterance", "the audio is compressed with shorten")
    ]
    assert "sph2pipe" in refused[0].remedy
    for path in wsj0.rglob("*.wv1"):
        path.write_bytes(sphere(noise(3200), "pcm,embedded-shorten-v2.00"))
    items = read(wsj0, parameters("wsj0", women=9, men=9), 0, 1, Settings())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no utterance of the corpus is usable .*shorten; .*sph2pipe"):
        write_corpus(items, tmp_path / "out")


BAD_TRANSCRIPTS = [
    (b"The sale of the hotels\n", "a transcript line is malformed", "line 1: 'The sale of the hotels'"),
    (b"One (011c0201)\nTwo (011c02)\n", "a transcript line is malformed", "line 2: 'Two (011c02)'"),
    (b"", "the transcript has no line for the utterance", "011c0201"),
]


@pytest.mark.parametrize(("content", "reason", "place"), BAD_TRANSCRIPTS)
def test_bad_transcripts_leave_the_sound(
    wsj0: Path, parameters: Callable[..., object], content: bytes, reason: str, place: str
) -> None:
    (wsj0 / "11-4.1/wsj0/transcrp/dots/si_tr_s/011/011c0200.dot").write_bytes(content)
    found, refused = all_of(wsj0, parameters)
    assert len(found) == 7 * len(NUMBERS)
    assert (refused[0].of, refused[0].reason, refused[0].place) == ("labels", reason, place)
    assert refused[0].file == "11-4.1/wsj0/transcrp/dots/si_tr_s/011/011c0200.dot"


def test_a_transcript_that_is_no_file(wsj0: Path, parameters: Callable[..., object]) -> None:
    path = wsj0 / "11-4.1/wsj0/transcrp/dots/si_tr_s/011/011c0200.dot"
    path.unlink()
    path.symlink_to("nowhere.dot")
    _, refused = all_of(wsj0, parameters)
    assert [item.reason for item in refused] == ["the link leads nowhere"]


def test_a_speaker_of_two_sexes_has_none(wsj0: Path, parameters: Callable[..., object]) -> None:
    (wsj0 / "wsj0-train-spkrinfo.txt").write_text("011 M\n01A F\n")
    found, refused = all_of(wsj0, parameters)
    assert (found["011c0201"].sex, found["01ac0201"].sex) == ("", "F")
    assert [(item.reason, item.place) for item in refused] == [
        ("the speaker is given both sexes", "line 1: 011")
    ]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_of_wsj0(tmp_path: Path, parameters: Callable[..., object], there: bool) -> None:
    source = tmp_path / "data/wsj0"
    if there:
        (source / "si_tr_s/011").mkdir(parents=True)
        (source / "sd_tr_s/011").mkdir(parents=True)
        soundfile.write(source / "sd_tr_s/011/011c0201.wav", noise(3200), 16_000)
    with pytest.raises(InputError, match=f"{source}.*link your copy: ln -s .*{source}$"):
        all_of(source, parameters)


def test_tables(tmp_path: Path, wsj0: Path, parameters: Callable[..., object]) -> None:
    items = read(wsj0, parameters("wsj0", women=9, men=9), 0, 1, Settings())  # type: ignore[arg-type]
    summary = write_corpus(items, tmp_path / "out")
    assert (summary["utterances"], summary["labelled"]) == (28, 0)
    assert summary["speakers"] == {"F": 4, "M": 3, "unknown": 0}
    assert set(Corpus(tmp_path / "out").utterances["speaker"]) >= {"011", "01a", "440"}


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="channel"):
        Settings(channel=0)


@given(st.binary(max_size=300) | st.text("a (011c0)\n\t\\", max_size=300).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_transcript_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    source = tmp_path_factory.getbasetemp()
    file = source / "011c0200.dot"
    file.write_bytes(content)
    texts, refused = read_transcripts([file], source, {"011c0201", "011c0202"})
    assert texts.keys() <= {"011c0201", "011c0202"}
    for item in refused:
        assert item.of == "labels"
        assert item.remedy
    for text in texts.values():
        assert text == " ".join(text.split())
    lines = [line for line in content.decode("latin-1").splitlines() if line.strip()]
    malformed = [item for item in refused if item.reason == "a transcript line is malformed"]
    assert len(malformed) + len(texts) <= len(lines)
    assert texts or malformed or not lines or all(b"(" in line.encode("latin-1") for line in lines)


FOLDERS = st.sampled_from(
    ["si_tr_s", "SI_DT_05", "wsj0_si_et_05", "sd_tr_s", "011", "scaled", "isolated", "m6dB"]
)
FILES = st.sampled_from(
    ["011c0201.wav", "011C0201.WV1", "011c0201.wv2", "440c0201.sph", "440c020.wav", "011c0200.dot"]
    + ["spkrinfo.txt", ".011c0201.wav", "011c0201.wav.txt", "c.wav", "0110c0201.flac"]
)
TREES = st.lists(st.tuples(st.lists(FOLDERS, max_size=4), FILES, st.integers(0, 3)), max_size=8)


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_any_tree_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tree: list[Any]) -> None:
    source = tmp_path_factory.mktemp("tree")
    for folders, name, kind in tree:
        path = source.joinpath(*folders, name)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == 3:
            path.mkdir()
        elif path.suffix.lower() in (".wav", ".wv1", ".sph", ".flac"):
            path.write_bytes(sphere(noise(1600 * kind), "pcm" if kind else "pcm,embedded-shorten-v2.00"))
        else:
            path.write_text("THE TEXT (011c0201)\n440 F\n")
    chosen = CorpusParameters(
        name="wsj0", source="", fold="arpabet", women=9, men=9, vowels=[], factors=[], sentences=[]
    )
    try:
        items = list(read(source, chosen, 0, 1, Settings()))
    except InputError:
        return
    found, refused = parted(items)
    assert found or refused
    assert all(item.remedy and item.file for item in refused)
    places: dict[str, set[str]] = {}
    for item in found.values():
        places.setdefault(item.speaker, set()).add(item.speaker_split)
    assert all(len(own) == 1 for own in places.values())
