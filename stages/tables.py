"""tables: every table of reporting/tables from metrics/, as CSV, Markdown and LaTeX."""

import sys
from dataclasses import replace

from speech_factorization import parameters
from speech_factorization.errors import InputError
from speech_factorization.files import new_folder
from speech_factorization.reporting.tables import (
    alignment,
    codes,
    coding,
    coding_rates,
    conversion,
    dynamical,
    dynamical_claims,
    factorization_claims,
    judges,
    manipulation,
    pitch_conversion,
    representation,
    resynthesis_claims,
    units,
    vowel_claims,
    vowels,
)
from speech_factorization.reporting.tables.base import Results, read_results, render
from stages import METRICS, PARAMS, TABLES, run

# Imported by name: an import by a computed name is in no closure, so editing a table would re-run nothing.
EVERY = {
    "alignment": alignment,
    "judges": judges,
    "dynamical": dynamical,
    "dynamical_claims": dynamical_claims,
    "codes": codes,
    "manipulation": manipulation,
    "factorization_claims": factorization_claims,
    "representation": representation,
    "units": units,
    "coding": coding,
    "coding_rates": coding_rates,
    "conversion": conversion,
    "pitch_conversion": pitch_conversion,
    "resynthesis_claims": resynthesis_claims,
    "vowels": vowels,
    "vowel_claims": vowel_claims,
}

# Those whose caption says something of the results.
CAPTIONS = {"coding": coding.caption}


def marked(results: Results) -> Results:
    """The same; where some of the corpus is narrow-band, every caption says so beside its name."""
    share = results.metrics.get("alignment", {}).get("narrow_band", 0.0)
    if not share:
        return results
    said = f"{results.corpus} (narrow-band, recorded under 16 kHz: {share:.3g} of its hours)"
    return replace(results, corpus=said)


def main() -> None:
    """Write tables/NAME.{csv,md,tex}; results of another corpus or scale are named and left out."""
    settings = parameters.load(PARAMS)
    results = read_results(METRICS, settings.corpus.name, settings.scale)
    if not results.metrics and not results.left_out:
        raise InputError("no results here", METRICS, "run the stages before, or dvc repro")
    for name, why in results.left_out.items():
        print(f"tables: metrics/{name}.json is left out: it is of {why}", file=sys.stderr)
    with new_folder(TABLES) as folder:
        for name, table in EVERY.items():
            caption = CAPTIONS[name](results) if name in CAPTIONS else table.CAPTION
            render(name, caption, table.build(results), marked(results), folder)


if __name__ == "__main__":
    run(main, "tables")
