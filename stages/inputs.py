"""inputs: of each model, digests of the prepared data that it is trained on.

train@MODEL and evaluate@MODEL depend on prepared/inputs/MODEL.json, so units made anew train the generator
again and no flow.
"""

import importlib

from speech_factorization import parameters
from speech_factorization.files import new_folder, write_json
from stages import PARAMS, PREPARED, run
from stages.data import digest, folders


def main() -> None:
    """Write prepared/inputs/MODEL.json: folder -> SHA-256 of what it holds."""
    settings = parameters.load(PARAMS)
    digests: dict[str, str] = {}
    with new_folder(PREPARED / "inputs") as draft:
        for name in sorted(settings.hp):
            module = importlib.import_module(f"speech_factorization.models.{name}")
            read = {str(path): path for path in folders(name, module.Model.inputs, settings)}
            digests |= {key: digest(path) for key, path in read.items() if key not in digests}
            write_json(draft / f"{name}.json", {key: digests[key] for key in read})


if __name__ == "__main__":
    run(main, "inputs")
