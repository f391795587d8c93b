"""Coded speech: bits per second and what is left of it, beside other codecs on the same sounds."""

from typing import Any

import pandas as pd

from speech_factorization.reporting.resynthesis import CORPUS, MEASURES, MODEL, RATES, published
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build", "caption"]

CAPTION = (
    "Speech as a file of codes, and other systems on the same sounds of test speakers. bits per second: of the code; "
    "with its file: header, checksum and the speaker's voice, sent once for all of a speaker's utterances, or the "
    "codec's container; it is measured on files, of the form that compress writes unless told otherwise (duplicates "
    "kept). original: 16-bit PCM, and what the judges get wrong of it; WORLD: its analysis and synthesis, nothing "
    "coded. Opus through libsndfile at the rate asked for, narrow-band at 6 kbit/s; Codec2 hears 8 kHz. phone error: "
    "of the phone judge; speaker cosine and EER: of the verification network, with other utterances of the speaker "
    "and of the other test speakers; VDE, GPE, FFE and F0 against the original's F0. Published rates: VCTK, as their "
    "paper names them, without files and speakers; another corpus and scale: no figures to compare quality with."
)

NAMES = {"original": "original", "world": "WORLD", "ours": "ours"}
UNKNOWN = ("per", "wer")
"""What no judge of ours measures."""


def caption(results: Results) -> str:
    """CAPTION, of how much sound it is, what one file costs by itself, and what could not be measured here."""
    found = leaf(results.metrics, f"{MODEL}.coding")
    if not found:
        return CAPTION
    said = [CAPTION, f"Of {found['files']} files, {found['seconds']:.1f} s."]
    alone = {form: leaf(found, f"rates.{form}.alone") for form in ("kept", "removed")}
    if None not in alone.values():
        rates = [f"{rate:.0f} with duplicates {form}" for form, rate in alone.items()]
        said.append(f"One file by itself, with its voice, takes more bits per second: {', '.join(rates)}.")
    why = leaf(found, "not_answered") or {}
    for reason in sorted(set(why.values())):
        lacking = ", ".join(_name(system) for system in sorted(why) if why[system] == reason)
        said.append(f"Not measured: {lacking} ({reason}).")
    return " ".join(said)


def build(results: Results) -> pd.DataFrame:
    """One row per system: published rates, then those measured here from the highest rate to the lowest."""
    measures = {key: measure for key, measure in MEASURES.items() if key not in UNKNOWN}
    wanted = {
        "bits_per_second": RATES["bits_per_second"],
        "file_bits_per_second": RATES["file_bits_per_second"],
    }
    titles = {key: measure.title for key, measure in (wanted | measures).items()}
    theirs = [
        {"system": system, "of": f"published, {CORPUS}", **row}
        for system, row in published("rate").to_dict("index").items()
    ]
    systems: dict[str, dict[str, Any]] = leaf(results.metrics, f"{MODEL}.coding.systems") or {}
    # What is no code stands above, with the original.
    order = sorted(systems, key=lambda name: (-systems[name].get("bits_per_second", 1e6), name))
    ours = [{"system": _name(name), "of": "measured here", **systems[name]} for name in order]
    table = pd.DataFrame([*theirs, *ours], columns=["system", "of", *titles])
    return table.rename(columns=titles).set_index("system")


def _name(key: str) -> str:
    """opus_6000 -> Opus 6000."""
    codec, _, mode = key.partition("_")
    return NAMES.get(key, f"{codec.capitalize()} {mode}")
