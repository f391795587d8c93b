"""Segments: 200 ms around the middle of every phone, as a log spectrogram of 20 frames x 200 bins.

Longer phones are trimmed by the window, shorter ones extended both ways by the signal's own context
(Sun et al., Deep generative factorization for speech signal, ICASSP 2021, arXiv 2010.14242).
"""

import pandas as pd
import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features.framing import gather_frames

__all__ = ["BINS", "FRAMES", "cut_segments", "segment_spectrogram"]

FRAMES = 20
BINS = 200

WINDOW = 400  # 25 ms
HOP = 160  # 10 ms
RMS = 0.05
FLOOR = 0.01

_NO_FACTORS = {"utterance", "samples", "rate", "text"}


def cut_segments(alignment: pd.DataFrame, utterances: pd.DataFrame, silence: str) -> pd.DataFrame:
    """One row per phone that is not `silence`, in the alignment's order.

    alignment: utterance, position, phone, begin, end; utterances: utterance, speaker, sex, split,
    speaker_split, samples, rate, text and one column per further factor. Result: segment (UTTERANCE-POSITION),
    utterance, position, phone, speaker, sex, split, speaker_split, further factors, begin, end (the
    phone's own boundaries) and centre (its middle, where the 200 ms lie around); samples at 16 kHz.
    Errors: an utterance that is not in the table; times that run backwards or leave the audio.
    """
    phones = alignment.loc[alignment["phone"] != silence, ["utterance", "position", "phone", "begin", "end"]]
    unknown = set(phones["utterance"]) - set(utterances["utterance"])
    if unknown:
        raise InputError("not in the table of utterances", min(unknown), "run the corpus stage again")
    table = phones.merge(utterances, on="utterance", how="left", validate="many_to_one", sort=False)
    wrong = table[(table.begin < 0) | (table.end <= table.begin) | (table.end > table.samples)]
    if not wrong.empty:
        first = wrong.iloc[0]
        raise InputError(
            f"phone {first.phone!r} from sample {first.begin} to {first.end} of {first.samples}",
            f"{first.utterance}, position {first.position}",
            "correct the alignment",
        )
    table["segment"] = table["utterance"].astype(str) + "-" + table["position"].astype(str)
    table["centre"] = (table["begin"] + table["end"]) // 2
    own = ["segment", "utterance", "position", "phone"]
    last = ["begin", "end", "centre"]
    factors = [name for name in utterances.columns if name not in _NO_FACTORS]
    return table[own + factors + last].reset_index(drop=True)


def segment_spectrogram(wave: Tensor, centres: Tensor) -> Tensor:
    """log(|S| + 0.01), [N, 20, 200], around the samples centres [N] int64 of wave [samples], 16 kHz.

    The wave is scaled to rms 0.05 over the whole utterance. Hann window of 400 samples, 400-point FFT, hop
    160, frame i centred at centre + (i - 9.5) * 160; context is the signal's own, reflected only at the
    file's ends; DC is dropped. A silent wave gives log 0.01 everywhere.
    """
    if wave.dim() != 1 or len(wave) == 0:
        raise InputError(f"a wave of shape {list(wave.shape)}", remedy="give one channel, [samples]")
    wave = wave * (RMS / wave.square().mean().sqrt().clamp(min=1e-8))
    first = -(FRAMES - 1) * HOP // 2 - WINDOW // 2
    starts = centres[:, None] + first + HOP * torch.arange(FRAMES, device=wave.device)
    window = torch.hann_window(WINDOW, dtype=wave.dtype, device=wave.device)
    spectrum: Tensor = torch.fft.rfft(gather_frames(wave, starts, WINDOW) * window)
    return (spectrum[..., 1:].abs() + FLOOR).log()
