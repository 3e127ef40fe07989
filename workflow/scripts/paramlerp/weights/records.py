"""Records beside a model's weights: their content hashes, and the model's family.

Later jobs read these small files instead of the weights.
"""

import json
from pathlib import Path

from ..jobs import files
from .checkpoints import Checkpoint, weight_files
from .families import body_prefix, family

#: content hashes of the weight files, in the format of sha256sum(1)
HASHES = "weights.sha256"
#: the model's family, the class that loads it, its body and its metric
FAMILY = "family.json"


def write(directory) -> None:
    """Write HASHES and, if the model's family is known, FAMILY into an HF directory."""
    directory = Path(directory)
    lines = [f"{files.sha256(directory / name)}  {name}\n" for name in weight_files(directory)]
    (directory / HASHES).write_text("".join(lines))
    if model_family := family(directory):
        record = {
            "family": model_family.name,
            "auto_class": model_family.auto_class,
            "body": body_prefix(Checkpoint(directory)),
            "evaluated_by": model_family.evaluated_by,
        }
        (directory / FAMILY).write_text(json.dumps(record, indent=2) + "\n")


def weight_hashes(directory) -> dict[str, str]:
    """Weight file -> SHA-256, read from HASHES, or computed if the directory has no record."""
    path = Path(directory) / HASHES
    if path.exists():
        pairs = (line.split("  ", 1) for line in path.read_text().splitlines())
        return {name: digest for digest, name in pairs}
    return {name: files.sha256(Path(directory) / name) for name in weight_files(directory)}
