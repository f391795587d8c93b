"""Speech as a file of codes: how many bits a second it takes, and what is left of it, beside other codecs.

Every utterance is encoded, written by `resynthesis.bitstream`, read back and decoded; what is judged was in a file. A
speaker's utterances share one voice, as a receiver would know it: the vector of the first of them, the corpus's
statistics of their F0. The first file holds it, the others name it. Both forms of a file are written: duplicates
kept, a unit every hop, or removed, runs with their durations.

coding -> files, seconds, lossless (share of the files whose codes came back, in both forms), and

rates   bits per second of content and of pitch:
            nominal      log2 K, ceil: whole bits, of K codes equally likely
            unigram, conditional   entropy of these very codes, by themselves or given the one before; plug-in
                         estimates, so of few codes too low
            tables       what the coder's tables, counted in training, say they cost
        and of files, kept and removed: payload, file (the voice only named), amortised (the voice counted once for
            all that its speaker has in the corpus), alone (the voice in every file); of removed also units and
            durations by themselves
systems ours, original, world (its analysis and synthesis, nothing coded), opus_RATE, codec2_MODE ->
        bits_per_second, file_bits_per_second; pesq_wb, stoi, estoi, mel_distance, stft_distance, mcd: means over files;
        vde, gpe, ffe, f0_rmse, f0_rmse_cents, log_f0_correlation: against the original's tracked F0, all frames
        together; phone_error: of the phone judge; cosine, eer: of the verification network, with the speaker's
        other utterances against other speakers'. Of our own the two rates are payload and amortised of `kept`, the
        form that the verb `compress` writes unless told otherwise; not the better one, which these files would tell.
not_answered  system -> why it could not be measured here

SI-SDR would say nothing: phase is not coded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.errors import InputError
from speech_factorization.evaluation import material as materials
from speech_factorization.evaluation.codecs import codec2, opus, world
from speech_factorization.evaluation.codecs.base import Coded, NotThere
from speech_factorization.evaluation.experiments.coding_figures import rates_figure, spectra_figure
from speech_factorization.evaluation.experiments.coding_quality import Sound, scores
from speech_factorization.evaluation.experiments.coding_rates import File, rates
from speech_factorization.evaluation.material import Material, Row, decoded
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.sounds import audible
from speech_factorization.parallel import in_order
from speech_factorization.resynthesis.bitstream import Voice, read, write
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.entropy import Tables

__all__ = ["OPUS", "needs", "run"]

OPUS = (6_000, 9_000, 12_000, 24_000)
"""Bits per second that Opus is asked for."""

PCM = 16 * SAMPLE_RATE
SHOWN = 2

Wave = NDArray[np.float32]


def needs(model: Any) -> str | None:
    """None if the model's codes can be files, else what it lacks."""
    reason = materials.needs(model)
    return reason or (None if hasattr(model, "counts") else "has no counts of its codes")


def run(model: Any, material: Material, limit: int = 16, *, jobs: int = 1) -> Outcome:
    """The numbers above of at most `limit` utterances (0: all); jobs: processes that code and measure.

    Figures: `coding` (quality over bits per second) and `coding_spectrograms`; sounds coding_NUMBER_SYSTEM of two
    utterances. Errors: InputError where there is no utterance.
    """
    rows = material.sources(limit)
    if not rows:
        raise InputError("no utterance to code", remedy="check the split and the corpus's size")
    originals = [Sound(row, material.wave(row.utterance), PCM, PCM) for row in rows]
    seconds = sum(len(sound.wave) for sound in originals) / SAMPLE_RATE
    tables: Tables = model.counts.tables()
    ours, files = [], []
    for sound, codes, voice in _encoded(model, material, originals):
        file, wave = _through_files(model, codes, voice, tables)
        files.append(file)
        ours.append(Sound(sound.row, wave))
    found = rates(files, tables, seconds, _voice_rate(material, files, rows))
    others, not_answered = _others(originals, jobs)
    systems = {"original": originals, "ours": ours} | others
    scored = {name: scores(material, originals, sounds, jobs) for name, sounds in systems.items()}
    for name, sounds in systems.items():
        scored[name] |= _rates_of(name, sounds, found, seconds)
    numbers: dict[str, Any] = {
        "files": len(rows),
        "seconds": seconds,
        "lossless": float(np.mean([file.lossless for file in files])),
        "rates": found,
        "systems": scored,
    }
    if not_answered:
        numbers["not_answered"] = not_answered
    figures = {"coding": rates_figure(scored)}
    shown = {name: [sound.wave for sound in systems[name][:SHOWN]] for name in _shown(systems)}
    figures["coding_spectrograms"] = spectra_figure(
        [row.utterance for row in rows[:SHOWN]], shown, material.listener.track
    )
    return Outcome({"coding": numbers}, figures, _sounds(shown))


def _encoded(
    model: Any, material: Material, originals: Sequence[Sound]
) -> Iterator[tuple[Sound, Codes, Voice]]:
    """Each utterance's codes, in the voice that all of its speaker's have."""
    voices: dict[str, Voice] = {}
    for sound in originals:
        name = sound.row.speaker
        with torch.no_grad():
            codes = model.encode(torch.from_numpy(np.array(sound.wave)), material.statistics.of(name))
        voice = voices.setdefault(name, Voice.of(codes))
        yield sound, voice.given_to(codes), voice


def _through_files(model: Any, codes: Codes, voice: Voice, tables: Tables) -> tuple[File, Wave]:
    """What the files of codes take, and the sound decoded from one."""
    sizes: dict[str, dict[str, int]] = {}
    lossless = True
    for form, duplicates in (("kept", True), ("removed", False)):
        named = write(codes, tables, duplicates=duplicates, voice_included=False)
        alone = write(codes, tables, duplicates=duplicates)
        back = read(named, tables, voice)
        lossless &= all(_same(codes, found) for found in (back, read(alone, tables)))
        sizes[form] = {"file": 8 * len(named), "alone": 8 * len(alone)}
        payload = tables.encode(codes.content.cpu().numpy(), codes.pitch.cpu().numpy(), duplicates)
        sizes[form]["payload"] = 8 * len(payload)
    content, pitches = codes.content.cpu().numpy(), codes.pitch.cpu().numpy()
    return File(content, pitches, sizes, 8 * len(voice.pack()), lossless), decoded(model, back)


def _same(a: Codes, b: Codes) -> bool:
    streams = zip((a.content, a.pitch), (b.content, b.pitch), strict=True)
    return a.samples == b.samples and all(torch.equal(one.cpu(), other.cpu()) for one, other in streams)


def _voice_rate(material: Material, files: Sequence[File], rows: Sequence[Row]) -> float:
    """Bits per second of a voice that is sent once for all its speaker's utterances in the corpus."""
    table = material.table
    spoken = float(table.loc[table["speaker"].isin({row.speaker for row in rows}), "samples"].sum())
    return files[0].voice * len({row.speaker for row in rows}) * SAMPLE_RATE / spoken


def _others(originals: Sequence[Sound], jobs: int) -> tuple[dict[str, list[Sound]], dict[str, str]]:
    """What each other system makes of the originals, and why one makes nothing here."""
    found, not_answered = {}, {}
    for name, encode in _systems():
        try:
            coded = list(in_order(encode, (sound.wave for sound in originals), jobs))
        except NotThere as why:
            not_answered[name] = str(why)
            continue
        pairs = zip(originals, coded, strict=True)
        found[name] = [Sound(sound.row, one.wave, one.bits, one.file_bits) for sound, one in pairs]
    return found, not_answered


def _systems() -> Iterator[tuple[str, Callable[[Wave], Coded]]]:
    """Other systems, by the name of their row."""
    yield "world", _world
    for mode in codec2.MODES:
        yield f"codec2_{mode.lower()}", partial(codec2.encode, mode=mode)
    for rate in OPUS:
        yield f"opus_{rate}", partial(opus.encode, rate=rate)


def _world(wave: Wave) -> Coded:
    return Coded(world.resynthesise(wave), 0, 0)


def _rates_of(
    name: str, sounds: Sequence[Sound], found: Mapping[str, Any], seconds: float
) -> dict[str, float]:
    """Bits per second of a system, without and with what its files are wrapped in; none of what is no code."""
    if name == "world":
        return {}
    if name == "original":
        return {"bits_per_second": float(PCM), "file_bits_per_second": float(PCM)}
    if name == "ours":
        form = found["kept"]
        return {"bits_per_second": form["payload"], "file_bits_per_second": form["amortised"]}
    bits, file_bits = (
        sum(getattr(sound, which) for sound in sounds) / seconds for which in ("bits", "file_bits")
    )
    return {"bits_per_second": bits, "file_bits_per_second": file_bits}


def _shown(names: Iterable[str]) -> list[str]:
    """What there is to see and to hear: the original, ours, and the lowest rate of each codec."""
    lowest: dict[str, str] = {}
    for name in names:
        lowest.setdefault(name.partition("_")[0], name)
    return [name for family, name in lowest.items() if family != "world"]


def _sounds(shown: Mapping[str, Sequence[Wave]]) -> dict[str, Wave]:
    """coding_NUMBER_SYSTEM, at the original's level."""
    found: dict[str, Wave] = {}
    for number in range(len(shown["original"])):
        waves = {f"coding_{number + 1}_{name}": torch.from_numpy(shown[name][number]) for name in shown}
        found |= audible(waves, f"coding_{number + 1}_original")
    return found
