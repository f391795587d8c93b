"""The speaker-verification network: a judge of whole utterances that no generator ever sees.

Trained on the training speakers of `speaker_split`, stopped on held-out utterances of theirs, scored on
speakers it never heard.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_settings import VerificationSettings
from speech_factorization.evaluation.metrics import verification as metrics
from speech_factorization.features.speaker_network import SHORTEST, SpeakerNetwork
from speech_factorization.files import new_folder, read_json, write_json

__all__ = ["Verification", "score"]


class Verification(SpeakerNetwork):
    """Wave [N, samples] -> embedding [N, 256] of unit length; a player of the training loop."""

    @torch.no_grad()
    def embed(self, waves: Tensor | Iterable[Tensor]) -> Tensor:
        """Embeddings [N, 256] of waves [N, samples], or of N waves of any lengths (level does not count)."""
        self.eval()
        if isinstance(waves, Tensor):
            return self.forward(_long_enough(waves))
        return torch.cat([self.forward(_long_enough(wave[None])) for wave in waves])

    def save(self, folder: Path) -> None:
        """Write verification.safetensors and verification.json, whole or not at all."""
        about = {"speakers": list(self.speakers), "settings": self.settings.model_dump()}
        with new_folder(folder) as draft:
            tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
            save_file(tensors, draft / "verification.safetensors")
            write_json(draft / "verification.json", about)

    @classmethod
    def load(cls, folder: Path) -> "Verification":
        """Read what `save` wrote; errors: a folder without it."""
        if not (folder / "verification.json").is_file():
            raise InputError("no verification network", folder, "run the judges stage")
        about = read_json(folder / "verification.json")
        network = cls(about["speakers"], VerificationSettings.model_validate(about["settings"]))
        network.load_state_dict(load_file(folder / "verification.safetensors"))
        return network.eval()


def score(
    network: Verification,
    waves: Sequence[Tensor],
    speakers: Sequence[str],
    texts: Sequence[str] | None = None,
) -> dict[str, float]:
    """eer, cosine_same and cosine_different over all pairs of the waves; {} if all pairs are of one kind.

    texts: pairs with the same text are left out.
    """
    pairs, same = metrics.trials(speakers, texts)
    if same.all() or not same.any():
        return {}
    embeddings = network.embed(waves).cpu().numpy()
    return metrics.evaluate(metrics.cosines(embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]), same)


def _long_enough(waves: Tensor) -> Tensor:
    repeats = -(-SHORTEST // max(waves.shape[-1], 1))
    return waves.repeat(1, repeats) if repeats > 1 else waves
