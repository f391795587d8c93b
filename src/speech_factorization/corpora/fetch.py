"""A part of LibriSpeech from where torchaudio fetches it, whole or not at all."""

import gzip
import http.client
import os
import shutil
import tarfile
import zlib
from pathlib import Path

from speech_factorization.errors import InputError

__all__ = ["fetch_librispeech"]

_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


def fetch_librispeech(source: Path, part: str) -> Path:
    """Download a part into source/LibriSpeech and return its folder; torchaudio names the place and the checksum.

    The part appears only when all of it is unpacked; SPEAKERS.TXT and its like come with it. A download that was
    complete when it was interrupted is not made again. Error: no connection, wrong checksum, no room.
    """
    # Takes seconds to import, and nothing else of this package's readers needs it.
    from torchaudio.datasets import LIBRISPEECH

    draft = source / f".{part}.draft"
    folder = source / "LibriSpeech" / part
    try:
        draft.mkdir(parents=True, exist_ok=True)
        # torchaudio keeps files of an unfinished unpacking as they are.
        shutil.rmtree(draft / "LibriSpeech", ignore_errors=True)
        LIBRISPEECH(draft, url=part, download=True)
        folder.parent.mkdir(exist_ok=True)
        for path in sorted((draft / "LibriSpeech").iterdir()):
            if path.name == part or not (folder.parent / path.name).exists():
                os.replace(path, folder.parent / path.name)
        shutil.rmtree(draft)
    except _BROKEN as error:
        # Or the next try would unpack the same archive.
        shutil.rmtree(draft, ignore_errors=True)
        raise _failure(part, source, error) from None
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise _failure(part, source, error) from None
    if not folder.is_dir():
        raise InputError(f"the archive of LibriSpeech {part} does not hold it", source, "report this")
    return folder


def _failure(part: str, source: Path, error: Exception) -> InputError:
    cause = " ".join(str(error).split()) or type(error).__name__
    remedy = "try again, or unpack the archive from openslr.org/12 there"
    return InputError(f"LibriSpeech {part} cannot be downloaded ({cause})", source, remedy)
