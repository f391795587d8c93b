"""Small corpora in the exact form of the real ones, written where a test wants them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from speech_factorization.parameters import CorpusParameters
from tests.corpora.trees import XLABEL_HEADER, noise, sphere


@pytest.fixture
def parameters() -> Callable[..., CorpusParameters]:
    """Corpus parameters with defaults for what a test does not care about."""

    def make(name: str, women: int = 1, men: int = 1, sentences: Sequence[str] = ()) -> CorpusParameters:
        return CorpusParameters(
            name=name,
            source="",
            fold=name,
            women=women,
            men=men,
            vowels=[],
            factors=["phone", "speaker"],
            sentences=list(sentences),
        )

    return make


@pytest.fixture
def timit(tmp_path: Path) -> Callable[..., Path]:
    """Write a TIMIT of speakers (lower case -> "TRAIN/DR1") and sentences, in upper or lower case."""

    def write(
        speakers: dict[str, str],
        sentences: Sequence[str] = ("sa1", "si700", "si1330", "sx3", "sx93", "sx183", "sx273", "sx363"),
        upper: bool = True,
        folder: str = "TIMIT",
    ) -> Path:
        case = str.upper if upper else str.lower
        for speaker, region in speakers.items():
            place = tmp_path / "corpus" / folder / case(region) / case(speaker)
            place.mkdir(parents=True)
            for sentence in sentences:
                texts = {
                    ".phn": "0 800 h#\n800 2400 sh\n2400 4000 iy\n4000 4800 h#\n",
                    ".wrd": "800 4000 she\n",
                    ".txt": "0 4800 She.\n",
                }
                for suffix, text in texts.items():
                    (place / case(sentence + suffix)).write_text(text)
                (place / case(sentence + ".wav")).write_bytes(sphere(noise(4800)))
        return tmp_path / "corpus"

    return write


@pytest.fixture
def emodb(tmp_path: Path) -> Callable[..., Path]:
    """Write an EmoDB of utterances -> lines after '#'; one second of noise at 22 050 Hz each."""

    def write(labels: dict[str, str | None], seconds: float = 1.0) -> Path:
        source = tmp_path / "emodb"
        for folder in ("wav", "lablaut"):
            (source / folder).mkdir(parents=True, exist_ok=True)
        for name, lines in labels.items():
            soundfile.write(source / "wav" / f"{name}.wav", noise(round(22_050 * seconds)), 22_050)
            if lines is not None:
                (source / "lablaut" / f"{name}xx.lablaut").write_text(XLABEL_HEADER + lines)
        return source

    return write
