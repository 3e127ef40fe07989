"""Records beside a model's weights: their content hashes, and the model's family.

Later jobs read these small files instead of the weights.
"""

import json
from pathlib import Path

from ..jobs import files
from ..jobs.errors import UserError
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


def require_recorded(directory) -> None:
    """Raise UserError if weights of a directory with HASHES are not those that it records.

    A file that is older than its record is not hashed: to hash a checkpoint takes as long as to
    merge it, and a record is written after its weights.
    """
    record = Path(directory) / HASHES
    if not record.exists():
        return
    for name, digest in weight_hashes(directory).items():
        path = record.parent / name
        if path.stat().st_mtime < record.stat().st_mtime or files.sha256(path) == digest:
            continue
        raise UserError(
            f"{path}: damaged: its SHA-256 is not the one in {HASHES};"
            f" delete {directory}, and it is made again"
        )


def weight_hashes(directory) -> dict[str, str]:
    """Weight file -> SHA-256, read from HASHES, or computed if the directory has no record."""
    path = Path(directory) / HASHES
    if path.exists():
        pairs = (line.split("  ", 1) for line in path.read_text().splitlines())
        return {name: digest for digest, name in pairs}
    return {name: files.sha256(Path(directory) / name) for name in weight_files(directory)}
