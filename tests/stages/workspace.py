"""A temporary folder in which stages are run without DVC, and small corpora of real-ish sound for it."""

import contextlib
import importlib
import io
import json
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import soundfile
import yaml

import stages
from speech_factorization.corpora import embedded
from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.tables import read_table
from speech_factorization.parameters import CorpusParameters
from speech_factorization.phones.folds import load_fold
from tests.corpora.trees import XLABEL_HEADER, sphere

ROOT = Path(__file__).parents[2]

PREPARING = ("corpus", "phones", "alignment", "segments")
KINDS = ("segments", "vowels", "utterances")

# Less than `smoke`: each scenario is to take a few seconds.
TINY: dict[str, Any] = {
    "device": "cpu",
    "jobs": 1,
    "model": "all",
    "models": ["identity", "segment_vae", "vae", "glow", "speech_resynthesis"],
    "alignment": {"baum_welch": 1, "viterbi": 1, "mixtures": 1, "epochs": 1},
    "judges": {
        "mlp": {"hidden": 16},
        "cnn": {"channels": 4},
        "knn": {"bands": 8, "neighbours": [5], "shrinkages": [30.0]},
        "vowel": {"hidden": 16},
        "verification": {"channels": 16, "dimensions": 16, "crop": 8000, "speeds": []},
    },
    "hp": {"segment_vae": {"z_dim": 4, "hidden": [16]}, "vae": {"z_dim": 4, "x_z": [16], "z_x": [16]}},
}

# TIMIT's phones that EmoDB writes otherwise, or that German lacks: near enough for a test.
GERMAN = {
    **{"aa": "a", "ae": "E", "ah": "@", "aw": "aU", "ay": "aI", "eh": "E", "er": "6", "ey": "e", "ih": "I"},
    **{"iy": "i", "ow": "o", "oy": "OY", "uh": "U", "uw": "Y", "ch": "x", "dh": "D", "dx": "_d", "hh": "h"},
    **{"jh": "C", "ng": "N", "r": "R", "sh": "S", "th": "ss", "w": "V", "y": "j"},
}


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, block by block."""
    merged = dict(base)
    for key, value in over.items():
        merged[key] = merge(base.get(key) or {}, value) if isinstance(value, dict) else value
    return merged


def parameters(name: str, /, **changed: Any) -> dict[str, Any]:
    """The committed params.yaml at less than `smoke` scale, of one corpus."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for group in (f"corpus/{name}", "scale/smoke"):
        values = merge(values, yaml.safe_load((ROOT / f"stages/conf/{group}.yaml").read_text()))
    return merge(merge(values, TINY), changed)


@dataclass(frozen=True)
class Done:
    """How a stage ended: its exit status and what it said on both streams."""

    status: int
    out: str
    err: str


class Workspace:
    """A folder with a params.yaml; stages are run in it as DVC would, but in this process."""

    def __init__(self, folder: Path, values: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # A stage digests the code it runs from, and finds it from the working folder.
        if not (folder / "stages").exists():
            (folder / "stages").symlink_to(ROOT / "stages")
        self.set(values)

    def set(self, values: dict[str, Any]) -> None:
        """Write params.yaml."""
        self.values = values
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    def change(self, **changed: Any) -> None:
        """Change some parameters."""
        self.set(merge(self.values, changed))

    def copy(self, folder: Path) -> "Workspace":
        """The same in another folder, whose files may be changed."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder, self.values)

    def run(self, stage: str, *arguments: str) -> Done:
        """Run one stage."""
        module = importlib.import_module(f"stages.{stage}")
        out, err, status = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(self.folder),
            mock.patch("sys.argv", [stage, *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                stages.run(module.main, "-".join([stage, *(Path(a).name for a in arguments)]))
            except SystemExit as end:
                status = int(end.code or 0)
        return Done(status, out.getvalue(), err.getvalue())

    def do(self, *names: str) -> dict[str, Done]:
        """Run stages, "train@vae" with an argument; every one must end well."""
        done = {}
        for name in names:
            stage, _, argument = name.partition("@")
            done[name] = self.run(stage, *filter(None, [argument]))
            assert done[name].status == 0, done[name].err
        return done

    def prepare(self) -> dict[str, Done]:
        """All stages up to the spectrograms."""
        return self.do(*PREPARING, *(f"spectrograms@{kind}" for kind in KINDS))

    def table(self, path: str) -> Any:
        """prepared/PATH."""
        return read_table(self.folder / "prepared" / path)

    def json(self, path: str) -> Any:
        """One JSON file."""
        return json.loads((self.folder / path).read_text(encoding="utf-8"))

    def files(self) -> dict[str, bytes]:
        """Every file but the logs: path -> content."""
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        found = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}
        return {name: content for name, content in found.items() if not name.startswith("logs/")}


@cache
def spoken() -> tuple[Utterance, ...]:
    """Four women and four men of the embedded corpus, five sentences each."""
    chosen = CorpusParameters(
        name="embedded", source="", fold="timit", women=4, men=4, vowels=[], factors=[], sentences=["own:5"]
    )
    found = embedded.read(Path(), chosen, 0, 2)
    return tuple(item for item in found if isinstance(item, Utterance))


def by_speaker() -> list[tuple[str, list[Utterance]]]:
    """(sex, utterances) of each speaker."""
    speakers: dict[str, list[Utterance]] = {}
    for item in spoken():
        speakers.setdefault(item.speaker, []).append(item)
    return [(items[0].sex, items) for items in speakers.values()]


def write_timit(folder: Path) -> Path:
    """A TIMIT in the exact form of the LDC: 4 + 4 speakers, sentences SX3, 93, 183, 273 and 363."""
    for number, (sex, items) in enumerate(by_speaker()):
        speaker = {0: "FAJW0", 4: "MADC0"}.get(number, f"{sex}{'ABC'[number % 3]}DC{number}")
        place = folder / "TIMIT" / ("TEST" if number % 4 == 3 else "TRAIN") / f"DR{1 + number % 8}" / speaker
        place.mkdir(parents=True)
        for i, item in enumerate(items):
            name = place / f"SX{3 + 90 * i}"
            name.with_suffix(".WAV").write_bytes(sphere(item.wave))
            phones = "".join(f"{label.begin} {label.end} {label.symbol}\n" for label in item.labels)
            name.with_suffix(".PHN").write_text(phones, encoding="ascii")
            words = "".join(f"{word.begin} {word.end} {word.word.lower()}\n" for word in item.words)
            name.with_suffix(".WRD").write_text(words, encoding="ascii")
            text = f"0 {len(item.wave)} {item.text}\n"
            name.with_suffix(".TXT").write_text(text, encoding="ascii")
    return folder


def write_emodb(folder: Path, labelled: bool = False) -> Path:
    """An EmoDB: three women and three men, texts of train, valid and test; labelled: in EmoDB's own symbols."""
    (folder / "wav").mkdir(parents=True)
    speakers = by_speaker()
    chosen = dict(zip(("08", "09", "13"), speakers[:3], strict=True))
    chosen |= dict(zip(("03", "10", "11"), speakers[4:7], strict=True))
    for code, (_, items) in chosen.items():
        for text, emotion, item in zip(("a02", "a05", "a01"), "WNF", items, strict=False):
            name = f"{code}{text}{emotion}a"
            soundfile.write(folder / "wav" / f"{name}.wav", item.wave, 16_000)
            if labelled:
                (folder / "lablaut").mkdir(exist_ok=True)
                (folder / "lablaut" / f"{name}xx.lablaut").write_text(_xlabel(item), encoding="ascii")
    return folder


def _xlabel(item: Utterance) -> str:
    """The phones of an utterance as EmoDB would write them, each by its begin."""
    fold, lines = load_fold("timit"), []
    for label in item.labels:
        assert label.begin is not None
        pair = fold.fold(label.symbol)
        phone = GERMAN.get(pair[1], pair[1]) if pair else "?"
        lines.append(f"{label.begin / 16_000:.7f} -1 {phone}\n")
    return "".join([XLABEL_HEADER, *lines, f"{len(item.wave) / 16_000:.7f} -1 .\n"])
