"""params.yaml: every parameter, its type and its range, checked at once before any stage works."""

import ast
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator

from speech_factorization.alignment.settings import AlignmentSettings
from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_settings import JudgeSettings
from speech_factorization.phones.folds import check_vowels, load_fold
from speech_factorization.resynthesis.pitch.settings import PitchSettings
from speech_factorization.resynthesis.speaker_settings import SpeakerSettings
from speech_factorization.resynthesis.units.settings import UnitsSettings
from speech_factorization.strict import Strict
from speech_factorization.training.settings import Device, Precision, TrainSettings

__all__ = [
    "AlignmentParameters",
    "CorpusParameters",
    "EvaluateParameters",
    "JudgeParameters",
    "Parameters",
    "PictureParameters",
    "TrainParameters",
    "corpora",
    "load",
    "models",
]


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


class CorpusParameters(Strict):
    """The corpus: which reader, where from, and what of it.

    women, men: how many speakers of each at most; vowels: phones made into vowel images; factors: what
    segments are labelled with (phone, speaker and further columns such as emotion); sentences: which kinds
    of sentence are kept, in the corpus's own names (all of them where the list is empty); mapping: symbol ->
    unit or phone of the fold ("": dropped), added to what the fold's data file says; null is none (Hydra, which
    puts an empty mapping into a full one, would never take anything out).
    """

    name: str
    source: str
    fold: str
    women: Annotated[int, Field(ge=0)]
    men: Annotated[int, Field(ge=0)]
    vowels: list[str]
    factors: list[str]
    sentences: list[str]
    seed: Annotated[int, Field(ge=0)] = 0
    mapping: Annotated[dict[str, str], BeforeValidator(_none_is_empty)] = Field(default_factory=dict)


class AlignmentParameters(AlignmentSettings):
    """The aligner, and whose phone times go on: its own (`forced`) or the corpus's (`labels`)."""

    source: Literal["forced", "labels"]


class JudgeParameters(JudgeSettings):
    """The judges and the seed of their weights and noise."""

    seed: Annotated[int, Field(ge=0)]


class UtteranceTraining(TrainSettings):
    """Training on chunks of utterances; frames: of a chunk, at 16 ms."""

    frames: Annotated[int, Field(ge=3)]


class WaveTraining(TrainSettings):
    """Training on crops of waves; crop: samples at 16 kHz, whole F0 codes (1280 samples each)."""

    crop: Annotated[int, Field(gt=0, multiple_of=1280)]


class TrainParameters(Strict):
    """Training, by what a model takes; seed: of weights, order and noise."""

    seed: Annotated[int, Field(ge=0)]
    utterances: UtteranceTraining
    segments: TrainSettings
    vowels: TrainSettings
    waves: WaveTraining


class PictureParameters(Strict):
    """Whose segments of which phone are shown and heard, and what they are changed to; null: the data's choice.

    `evaluation.experiments.picture.choose` says how the data choose.
    """

    speaker: str | None
    to_speaker: str | None
    phone: str | None
    to_phone: str | None


class EvaluateParameters(Strict):
    """How models are evaluated.

    seed: of target classes and samples; split: what is scored, `test`, or `valid` to choose settings by;
    utterances: how many are resynthesised at most, evenly spread (0: all); segments: how many are manipulated at
    most (0: all); probes: from how many training segments classes are read at most; strengths: scales of the
    shift that are tried, on strength_segments of the segments; conversions: how many utterances are given
    another speaker (0: all); vowels: how many training vowels experiments on vowels take at most, and half as many
    of those scored; coded: how many utterances are coded, converted and given another pitch (0: all); targets: to
    how many voices each is converted; semitones: by how much its pitch is shifted.
    """

    seed: Annotated[int, Field(ge=0)]
    split: Literal["test", "valid"] = "test"
    utterances: Annotated[int, Field(ge=0)]
    segments: Annotated[int, Field(ge=0)]
    probes: Annotated[int, Field(ge=8)]
    strengths: Annotated[list[Annotated[float, Field(ge=0, le=9)]], Field(min_length=1)]
    strength_segments: Annotated[int, Field(ge=0)]
    conversions: Annotated[int, Field(ge=0)]
    vowels: Annotated[int, Field(ge=8)]
    coded: Annotated[int, Field(ge=0)]
    targets: Annotated[int, Field(gt=0)]
    semitones: Annotated[float, Field(ge=-24, le=24)]
    picture: PictureParameters

    @field_validator("strengths")
    @classmethod
    def _distinct(cls, strengths: list[float]) -> list[float]:
        """Each has a name of its own in metrics/MODEL.json, in hundredths."""
        if len({round(100 * b) for b in strengths}) < len(strengths):
            raise ValueError("two strengths are the same to the hundredth")
        return strengths


@dataclass(frozen=True)
class Parameters:
    """All of params.yaml, checked. hp: model -> its Hyperparameters; readers: corpus -> its reader's Settings."""

    model: str
    models: tuple[str, ...]
    scale: str
    device: Device
    threads: int
    precision: Precision
    jobs: int
    corpus: CorpusParameters
    alignment: AlignmentParameters
    judges: JudgeParameters
    units: UnitsSettings
    pitch: PitchSettings
    speaker: SpeakerSettings
    train: TrainParameters
    evaluate: EvaluateParameters
    hp: Mapping[str, Any]
    readers: Mapping[str, Any]


class _Top(Strict):
    """The parameters outside any block."""

    model: str
    models: list[str]
    scale: Literal["demo", "paper", "smoke"]
    device: Device
    precision: Precision
    threads: Annotated[int, Field(gt=0)]
    jobs: Annotated[int, Field(gt=0)]


BLOCKS: Mapping[str, type[BaseModel]] = {
    "corpus": CorpusParameters,
    "alignment": AlignmentParameters,
    "judges": JudgeParameters,
    "units": UnitsSettings,
    "pitch": PitchSettings,
    "speaker": SpeakerSettings,
    "train": TrainParameters,
    "evaluate": EvaluateParameters,
}

PACKAGE = Path(__file__).parent


def models() -> list[str]:
    """Names of the models there are: the modules of models/."""
    return sorted(path.stem for path in (PACKAGE / "models").glob("*.py") if path.stem != "__init__")


def corpora() -> list[str]:
    """Names of the corpora there are: the modules and packages of corpora/ that define `read`."""
    files = [*(PACKAGE / "corpora").glob("*.py"), *(PACKAGE / "corpora").glob("*/__init__.py")]
    return sorted(
        path.parent.name if path.stem == "__init__" else path.stem for path in files if _reads(path)
    )


def _reads(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    imported = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return "read" in defined | imported


def load(path: Path) -> Parameters:
    """Read and check params.yaml.

    Errors: one InputError that lists every unknown name, wrong type and value out of range.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("cannot be read", path, f"run from the repository root ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML ({' '.join(str(error).split())})", path) from None
    if not isinstance(read, dict):
        raise InputError("is not a mapping", path)
    faults: list[str] = []
    blocks = {name: _check(block, read.pop(name, {}), name, faults) for name, block in BLOCKS.items()}
    hp = _check_modules(read.pop("hp", {}), "hp", "model", models(), _hyperparameters, faults)
    readers = _check_modules(read.pop("readers", {}), "readers", "reader", corpora(), _settings, faults)
    top = _check(_Top, read, "", faults)
    if isinstance(top, _Top):
        faults += _check_choices(top, blocks["corpus"], hp, readers)
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise InputError(f"{count}:\n  " + "\n  ".join(faults), path)
    values = top.model_dump() | {"models": tuple(top.models)}
    return Parameters(**values, **blocks, hp=hp, readers=readers)


def _check(block: type[BaseModel], values: Any, where: str, faults: list[str]) -> Any:
    try:
        return block.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            place = ".".join([where, *map(str, fault["loc"])]).strip(".")
            faults.append(f"{place}: {_said(fault, block)}")
        return None


def _said(fault: Any, block: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        there = ", ".join(block.model_fields) if len(fault["loc"]) == 1 else ""
        return "no such parameter" + (f" (there are: {there})" if there else "")
    if fault["type"] == "missing":
        return "is missing"
    return f"{fault['msg']} (it is {fault['input']!r})"


def _check_modules(
    blocks: Any,
    where: str,
    kind: str,
    there: list[str],
    describe: Callable[[str], type[BaseModel]],
    faults: list[str],
) -> dict[str, Any]:
    """NAME -> the checked block of this name; there: the modules such a block may be of, described by a class."""
    if not isinstance(blocks, dict):
        faults.append(f"{where}: is not a mapping of {kind}s")
        return {}
    faults += [
        f"{where}.{name}: no such {kind} (there are: {', '.join(there)})"
        for name in blocks
        if name not in there
    ]
    return {
        name: _check(describe(name), blocks[name] or {}, f"{where}.{name}", faults)
        for name in there
        if name in blocks
    }


def _hyperparameters(model: str) -> type[BaseModel]:
    described: type[BaseModel] = importlib.import_module(
        f"speech_factorization.models.{model}"
    ).Hyperparameters
    return described


def _settings(corpus: str) -> type[BaseModel]:
    """What a reader alone needs; many need nothing."""
    reader = importlib.import_module(f"speech_factorization.corpora.{corpus}")
    described: type[BaseModel] = getattr(reader, "Settings", Strict)
    return described


def _check_choices(
    top: _Top, corpus: CorpusParameters | None, hp: Mapping[str, Any], readers: Mapping[str, Any]
) -> list[str]:
    faults = [
        f"models: {name} has no block under hp (there are: {', '.join(sorted(hp))})"
        for name in top.models
        if name not in hp
    ]
    if not top.models or len(set(top.models)) < len(top.models):
        faults.append("models: name at least one, and each once")
    return faults if corpus is None else faults + _check_corpus(corpus, readers)


def _check_corpus(corpus: CorpusParameters, readers: Mapping[str, Any]) -> list[str]:
    if corpus.name not in corpora():
        return [f"corpus.name: no such corpus {corpus.name!r} (there are: {', '.join(corpora())})"]
    faults = []
    if corpus.name not in readers:
        faults.append(f"corpus.name: {corpus.name} has no block under readers (write {corpus.name}: {{}})")
    if corpus.women + corpus.men == 0:
        faults.append("corpus.women, corpus.men: there must be someone to speak")
    reader = importlib.import_module(f"speech_factorization.corpora.{corpus.name}")
    # Of some corpora only the reader's settings tell which factors there are.
    own = (*getattr(reader, "FACTORS", ()), *getattr(readers.get(corpus.name), "factors", ()))
    there = ["phone", "speaker", "sex", *own]
    strange = [name for name in corpus.factors if name not in there]
    if strange:
        faults.append(f"corpus.factors: no factor {', '.join(strange)} (there are: {', '.join(there)})")
    try:
        check_vowels(corpus.vowels, load_fold(corpus.fold, corpus.mapping))
    except InputError as error:
        faults.append(str(error))
    return faults
