"""published_table: the authors' networks on real speech nobody trained them on, scored as their benchmark does.

    python -m stages.published_table WEIGHTS EMODB [OUT.md]

WEIGHTS: a folder with any of VAE.pt, DKF.pt, STORN.pt, VRNN.pt, SRNN.pt, RVAE-Causal.pt, RVAE-NonCausal.pt.
EMODB: the Berlin Database of Emotional Speech; the first four wav files by name of each speaker are taken.
Whole utterances, posterior mean, the original's phase. The autoregressive networks have two rows: fed the true
x(t-1), as published, and fed their own output. Itakura-Saito and KL: nats per frame, fed the true x(t-1).
No stage of DVC: nothing here is trained.

Fed its own output a network is chaotic in places: in some files a difference in float32's last digits grows to
order 1 within 20 to 90 frames, so that another machine, batch size or order of summation moves these rows
(measured: RMSE by .0006, PESQ raw nb by .009, SI-SDR by .03 dB), and no others.
"""

import os
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.dynamical.frames import frame_mask
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import resynthesis
from speech_factorization.features.batches import UtteranceBatches
from speech_factorization.features.stft import FFT, trim
from speech_factorization.files import new_file
from speech_factorization.reporting.measures import NOT_FED, OWN_PAST, TRUE_PAST
from stages import run
from stages.import_weights import published_model

__all__ = ["PUBLISHED", "nats", "render", "speech", "table"]

PUBLISHED = {
    "VAE": "vae",
    "DKF": "dkf",
    "STORN": "storn",
    "VRNN": "vrnn",
    "SRNN": "srnn",
    "RVAE-Causal": "rvae_causal",
    "RVAE-NonCausal": "rvae",
}
"""File of weights without its ending -> model."""

COLUMNS = {
    "RMSE": ("rmse", ".4f"),
    "PESQ raw nb": ("pesq_nb_raw", ".3f"),
    "PESQ wb": ("pesq_wb", ".3f"),
    "STOI": ("stoi", ".3f"),
    "ESTOI": ("estoi", ".3f"),
    "SI-SDR (dB)": ("si_sdr", ".2f"),
    "Itakura-Saito": ("reconstruction", ".1f"),
    "KL": ("kl", ".1f"),
}
"""Title -> the number it shows, and its digits."""

Wave = NDArray[np.float32]


def speech(folder: Path, of_each: int = 4) -> dict[str, Wave]:
    """Name -> trimmed wave [samples], 16 kHz: the first `of_each` files of every speaker, by name.

    Not rounded to 16 bit after resampling, unlike a corpus: the divergence of quiet bins would show it.
    Errors: no EmoDB there, or a file that is not mono sound of at least 16 ms (a frame can be centred in).
    """
    paths = sorted((folder / "wav").glob("*.wav"), key=lambda path: path.stem)
    if not paths:
        raise InputError("no wav files here", folder / "wav", "name the folder of EmoDB that holds wav/")
    speakers = groupby(paths, key=lambda path: path.stem[:2])
    return {path.stem: _read(path) for _, files in speakers for path in list(files)[:of_each]}


def _read(path: Path) -> Wave:
    try:
        wave, rate = soundfile.read(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(
            f"cannot be read ({str(error).rpartition(': ')[2]})", path, "copy it again"
        ) from None
    if wave.ndim != 1 or len(wave) == 0:
        raise InputError("not mono sound", path, "use EmoDB as distributed")
    if not np.isfinite(wave).all():
        raise InputError("holds NaN or infinity", path, "copy it again")
    divisor = np.gcd(SAMPLE_RATE, rate)
    trimmed = trim(resample_poly(wave, SAMPLE_RATE // divisor, rate // divisor)).astype(np.float32)
    if len(trimmed) <= FFT // 2:
        what = f"{len(trimmed)} samples at 16 kHz are too short for a {FFT}-point STFT"
        raise InputError(what, path, "copy it again")
    return trimmed


@torch.no_grad()
def nats(model: Any, waves: Mapping[str, Wave], batch: int = 16) -> dict[str, float]:
    """Itakura-Saito divergence and true KL in nats per frame at the posterior mean: means over utterances."""
    found = []
    for group in UtteranceBatches(waves, list(waves), batch)(0):
        frames = model(group.x, lengths=group.lengths, **model.noise(group.x, None))
        real = frame_mask(group.lengths, group.x.shape[1])
        terms = torch.stack([itakura_saito(group.x, frames.log_y), frames.q.kl(frames.p)])
        found.append(torch.where(real, terms, 0).sum(-1) / group.lengths)
    reconstruction, kl = torch.cat(found, 1).mean(1).tolist()
    return {"reconstruction": reconstruction, "kl": kl}


def table(weights: Path, waves: Mapping[str, Wave], jobs: int = 1) -> pd.DataFrame:
    """Unrounded: a row per file of weights and feeding, columns as in `COLUMNS`. Errors: no file of weights."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for stem, name in PUBLISHED.items():
        path = weights / f"{stem}.pt"
        if not path.is_file():
            continue
        model, _ = published_model(name, path)
        # One at a time, as the benchmark did it.
        numbers = resynthesis.run(model, waves.items(), batch=1, jobs=jobs).numbers
        feeding = TRUE_PAST if model.of_true_past else NOT_FED
        rows[stem, feeding] = numbers["resynthesis"] | nats(model, waves)
        if model.of_true_past:
            rows[stem, OWN_PAST] = numbers["resynthesis_free_running"]
    if not rows:
        there = ", ".join(f"{stem}.pt" for stem in PUBLISHED)
        raise InputError("no weights here", weights, f"name the folder that holds any of {there}")
    found = {row: {title: of.get(name) for title, (name, _) in COLUMNS.items()} for row, of in rows.items()}
    made = pd.DataFrame.from_dict(found, orient="index", columns=list(COLUMNS), dtype=float)
    made.index = pd.MultiIndex.from_tuples(found, names=["weights", "feeding"])
    return made


def render(found: pd.DataFrame, files: int) -> str:
    """The table as Markdown, rounded, with what it shows."""
    rounded = pd.DataFrame(
        {
            title: found[title].map(
                lambda value, digits=digits: "" if pd.isna(value) else f"{value:{digits}}"
            )
            for title, (_, digits) in COLUMNS.items()
        }
    )
    said = (
        f"The authors' weights on {files} utterances of EmoDB, whole, posterior mean; nats per frame. "
        "PESQ raw nb: the narrow-band P.862 score. feeding: what an autoregressive network is given as x(t-1)."
    )
    return f"{said}\n\n{rounded.reset_index().to_markdown(index=False, disable_numparse=True)}\n"


def check_target(path: Path) -> None:
    """Make the folder that OUT.md is to lie in. Errors: OUT.md is a folder, or cannot be made there."""
    remedy = "name another file"
    if path.is_dir():
        raise InputError("is a folder", path, remedy)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"its folder cannot be made ({error.strerror})", path, remedy) from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError("its folder cannot be written to", path, remedy)


def main() -> None:
    """Print the table, and write it to OUT.md where that is given."""
    given = [Path(argument) for argument in sys.argv[1:]]
    if not 2 <= len(given) <= 3:
        raise InputError(f"{len(given)} arguments", "command line", "give WEIGHTS EMODB [OUT.md]")
    # What is cheap to refuse is refused before minutes of computing.
    for path in given[2:]:
        check_target(path)
    waves = speech(given[1])
    text = render(table(given[0], waves, jobs=os.cpu_count() or 1), len(waves))
    print(text, end="")
    for path in given[2:]:
        with new_file(path) as draft:
            draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main, "published_table")
