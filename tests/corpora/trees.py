"""Sounds and files that tests of the corpora build small corpora from."""

import numpy as np
from numpy.typing import NDArray

XLABEL_HEADER = "signal test\ntype 0\ncolor 125\nseparator ;\nnfields 1\n#\n"


def noise(samples: int, seed: int = 0) -> NDArray[np.int16]:
    """[samples] int16, loud enough to be no silence."""
    return np.random.default_rng(seed).integers(-3000, 3000, samples, dtype=np.int16)


def sphere(wave: NDArray[np.int16], coding: str = "pcm") -> bytes:
    """A NIST SPHERE file as LDC writes them: 1024 bytes of header, then little-endian samples."""
    fields = [
        "NIST_1A",
        "   1024",
        "database_id -s5 TIMIT",
        f"sample_count -i {len(wave)}",
        "sample_rate -i 16000",
        "channel_count -i 1",
        "sample_n_bytes -i 2",
        "sample_byte_format -s2 01",
        "sample_sig_bits -i 16",
        f"sample_coding -s{len(coding)} {coding}",
        "end_head",
    ]
    header = ("\n".join(fields) + "\n").encode("ascii")
    return header + b" " * (1024 - len(header)) + wave.astype("<i2").tobytes()
