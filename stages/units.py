"""units: what is spoken, as one of a few units every 10 or 20 ms; every type in units.types. Killed, it goes on.

Units are found in the training speakers of `speaker_split`, networks stopped on the validation speakers. Then all
utterances of the corpus are encoded, in `jobs` processes, and the units held against phones, speakers and F0.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from speech_factorization import parameters
from speech_factorization.corpora.tables import AUDIO, Corpus, read_table
from speech_factorization.evaluation.experiments import units as experiment
from speech_factorization.features.archives import Archive, Writer, matrix_entry
from speech_factorization.files import new_folder, write_json
from speech_factorization.parallel import in_order
from speech_factorization.phones.folds import load_fold
from speech_factorization.progress import shown
from speech_factorization.resynthesis import parts
from speech_factorization.resynthesis.units.cpc import CPCUnits
from speech_factorization.resynthesis.units.crops import Crops, Heard
from speech_factorization.resynthesis.units.durations import Stored, to_array
from speech_factorization.resynthesis.units.hearing import RATE, listen, log_mel
from speech_factorization.resynthesis.units.hubert import HubertUnits
from speech_factorization.resynthesis.units.kmeans import KMeansUnits
from speech_factorization.resynthesis.units.settings import UnitsSettings, UnitType
from speech_factorization.resynthesis.units.vocal_tract import VocalTract
from speech_factorization.resynthesis.units.vqvae import VQVAEUnits
from stages import METRICS, PARAMS, PREPARED, run, say_empty
from stages.data import Missing, of_speakers
from stages.drafts import digest_of, state_of
from stages.parts import trained_part


class Speech:
    """The corpus's waves by speaker, without those in which nothing is heard."""

    def __init__(self, corpus: Corpus, chosen: UnitsSettings) -> None:
        self.corpus, self.chosen = corpus, chosen
        table = corpus.utterances
        silent = [name for name in table["utterance"] if not corpus.wave(name).any()]
        if silent:
            print(f"units: {len(silent)} silent utterances have none, {silent[0]} the first", file=sys.stderr)
        self.table = table[~table["utterance"].isin(silent)]
        there = set(self.table["speaker_split"])
        if empty := [part for part in ("train", "valid", "test") if part not in there]:
            raise Missing(f"the corpus has no utterances for {' and '.join(empty)} (speaker_split)")

    def rows(self, split: str) -> Any:
        """The table's rows of one split of speakers, without sentences that others are scored on."""
        return of_speakers(self.table, split)

    def wave(self, utterance: str) -> Tensor:
        """[samples] as recorded."""
        return torch.from_numpy(self.corpus.wave(utterance))

    @cached_property
    def drawn(self) -> list[str]:
        """Training utterances, evenly spread over the table, of so many minutes at most."""
        rows = self.rows("train")
        share = min(1.0, self.chosen.minutes * 60 * RATE / int(rows["samples"].sum()))
        count = max(1, int(share * len(rows)))
        return [str(rows["utterance"].iloc[i * len(rows) // count]) for i in range(count)]

    @cached_property
    def bands(self) -> list[Tensor]:
        """Log-mel bands of these."""
        return [log_mel(listen(self.wave(name))) for name in self.drawn]

    @cached_property
    def tract(self) -> VocalTract:
        """The warps' centres, that all types share."""
        tract = VocalTract()
        tract.fit(self.bands, self.chosen.seed)
        return tract


def kmeans(speech: Speech, folder: Path) -> None:
    """k-means on cepstra."""
    part = KMeansUnits(speech.chosen.kmeans)
    part.tract.load_state_dict(speech.tract.state_dict())
    part.cluster(speech.bands, speech.chosen.seed)
    parts.save(folder, part)


def hubert(speech: Speech, folder: Path) -> None:
    """k-means on HuBERT."""
    part = HubertUnits.pretrained(speech.chosen.hubert)
    part.cluster(map(speech.wave, speech.drawn), speech.chosen.seed)
    parts.save(folder, part)


def network(kind: str, speech: Speech, settings: parameters.Parameters, folder: Path, draft: str) -> None:
    """A VQ-VAE or CPC, trained by the loop."""
    seed = speech.chosen.seed
    chosen = speech.chosen.vqvae if kind == "vqvae" else speech.chosen.cpc
    # One listens for both splits, with the warps that are trained before.
    front = (VQVAEUnits(speech.chosen.vqvae) if kind == "vqvae" else CPCUnits(speech.chosen.cpc)).front
    if front.kind == "normalised":
        front.tract.load_state_dict(speech.tract.state_dict())

    def build() -> nn.Module:
        part = VQVAEUnits(speech.chosen.vqvae, seed) if kind == "vqvae" else CPCUnits(speech.chosen.cpc, seed)
        part.front.load_state_dict(front.state_dict())
        return part

    def crops(split: str) -> Crops:
        rows = speech.rows(split)
        heard = Heard(lambda name: front(speech.wave(name)), rows["utterance"].astype(str).tolist())
        lengths = [-(-int(samples) // front.hop) for samples in rows["samples"]]
        entries = chosen.crop // front.hop
        return Crops(heard, lengths, entries, chosen.batch, seed=seed, shuffle=split == "train")

    def clustered(part: CPCUnits) -> CPCUnits:
        part.cpu().cluster((front(speech.wave(name)) for name in speech.drawn), seed)
        return part

    kept = clustered if kind == "cpc" else None
    trained_part(
        f"units-{kind}", build, crops("train"), crops("valid"), chosen, settings, seed, folder, draft, kept
    )


def make(kind: UnitType, speech: Speech, settings: parameters.Parameters, folder: Path, draft: str) -> None:
    """part.{safetensors,json} of one type."""
    if kind in ("vqvae", "cpc"):
        network(kind, speech, settings, folder, draft)
    else:
        (kmeans if kind == "kmeans" else hubert)(speech, folder)


def encoded(speech: Speech, part: parts.UnitEncoder, utterance: str) -> bytes:
    """Units of an utterance, as they will stand in the archive."""
    return matrix_entry(utterance, to_array(part.encode(speech.wave(utterance)), speech.chosen.duplicates))


def encode(speech: Speech, part: parts.UnitEncoder, folder: Path, jobs: int) -> Stored:
    """codes.{ark,scp} of all utterances; what a killed stage left of them is not made again."""
    names = speech.table["utterance"].astype(str).tolist()
    with Writer(folder / "codes", go_on=True) as writer:
        done = next((i for i, name in enumerate(names) if not writer.take([name])), len(names))
        left = names[done:]
        entries: Iterator[bytes] = in_order(partial(encoded, speech, part), left, jobs)
        for name, entry in zip(left, shown(entries, len(left), folder.name), strict=True):
            writer.add(name, entry)
    return Stored(folder / "codes")


def material(speech: Speech, settings: parameters.Parameters) -> experiment.Material:
    """What units are held against."""
    f0 = PREPARED / "pitch" / "f0"
    return experiment.Material(
        utterances=speech.table,
        alignment=read_table(PREPARED / "alignment" / "alignment.csv"),
        silence=load_fold(settings.corpus.fold, settings.corpus.mapping).silence,
        f0=Archive(f0) if f0.with_name("f0.ark").is_file() else None,
        limit=speech.chosen.probes,
        seed=speech.chosen.seed,
    )


def write_units(
    types: Sequence[UnitType], speech: Speech, settings: parameters.Parameters, whole: Path, draft: str
) -> dict[str, Any]:
    """Every type's folder; its figures, and what chance scores."""
    against = material(speech, settings)
    said: dict[str, Any] = {"chance": {}, "not_answered": {}}
    for kind in types:
        folder = whole / kind
        folder.mkdir(exist_ok=True)
        if not (folder / "part.json").is_file():
            make(kind, speech, settings, folder, draft)
        part = parts.load(folder)
        streams = dict(encode(speech, part, folder, settings.jobs))
        said[kind], chance, lacking = experiment.run(streams, part.codes, part.hop, against)
        said["chance"] |= chance
        said["not_answered"] |= {f"{kind}.{name}": why for name, why in lacking.items()}
    return said


def main() -> None:
    """Write prepared/units/TYPE and metrics/units.json."""
    settings = parameters.load(PARAMS)
    chosen: UnitsSettings = settings.units
    corpus = Corpus(PREPARED / "corpus")
    # One thread in every process: theirs would not survive a fork.
    torch.set_num_threads(1)
    draft = digest_of(
        "stages.units",
        units=chosen.model_dump(mode="json"),
        device=settings.device,
        threads=settings.threads,
        made_of=state_of(*(corpus.folder / name for name in ("utterances.csv", f"{AUDIO}.ark"))),
    )
    said: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": chosen.seed,
        "phone_times": settings.alignment.source,
    }
    with new_folder(PREPARED / "units", draft) as whole:
        try:
            speech = Speech(corpus, chosen)
        except Missing as why:
            print(f"units: all are skipped: {why}", file=sys.stderr)
            for kind in chosen.types:
                (whole / kind).mkdir(exist_ok=True)
                say_empty("units", whole / kind, str(why))
            said["not_answered"] = dict.fromkeys(chosen.types, str(why))
        else:
            said |= write_units(chosen.types, speech, settings, whole, draft)
    write_json(METRICS / "units.json", said)


if __name__ == "__main__":
    run(main, "units")
