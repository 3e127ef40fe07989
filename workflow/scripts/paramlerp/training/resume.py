"""Where a job keeps its training states, so that a kill costs minutes.

Snakemake deletes a job's declared outputs before it runs the job again, so the states lie in
results/unfinished/. The folder's name hashes every input, so an edit never resumes stale state.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from ..jobs import files
from ..jobs.runtime import logger
from ..lm.models import device
from ..weights.checkpoints import companion_files
from ..weights.records import weight_hashes
from .states import TrainingStates

#: libraries whose version can change a training's bytes
_LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")
#: a text file of this many bytes or more is known by size and date: hashing it takes too long
_LARGE = 1 << 28


@contextmanager
def training_states(snakemake) -> Iterator[TrainingStates]:
    """The training states of a rule's job, which are deleted when the block succeeds.

    States of the same job with other inputs are deleted at once. The interval between saves is
    read from the config and not from params: it does not change the results, so a new value
    must not run the job again.
    """
    job_folder = Path("results", "unfinished", "-".join([snakemake.rule, *snakemake.wildcards]))
    folder = job_folder / fingerprint(snakemake)
    for stale in set(job_folder.glob("*")) - {folder}:
        logger.warning("%s has other settings, text or code, and is deleted", stale)
        shutil.rmtree(stale, ignore_errors=True)
    yield TrainingStates(folder, every=60 * snakemake.config["save_minutes"])
    shutil.rmtree(job_folder, ignore_errors=True)


def fingerprint(snakemake) -> str:
    """A hash of all that can change a job's result: its rule, wildcards and params (the hash of
    its code is one), the content of its inputs, the versions of libraries, and the device."""
    digest = hashlib.sha256()

    def add(*values) -> None:
        digest.update(json.dumps(values, sort_keys=True, default=str).encode() + b"\n")

    add(snakemake.rule, dict(snakemake.wildcards), dict(snakemake.params))
    # On a CPU the number of threads changes how sums are split, and so their last bits.
    add(snakemake.threads if device().type == "cpu" else None)
    add({name: version(name) for name in _LIBRARIES}, device().type)
    for path in map(Path, snakemake.input):
        add(path.name, _content_hashes(path))
    return digest.hexdigest()[:16]


def _content_hashes(path: Path) -> dict[str, str]:
    """File -> SHA-256, for a file (under the key ""), a folder of files or an HF directory.

    Hashes of an HF directory's weights come from the record beside them.
    """
    if path.is_file():
        size, mtime = path.stat().st_size, path.stat().st_mtime_ns
        return {"": files.sha256(path) if size < _LARGE else f"{size} {mtime}"}
    if not (path / "config.json").exists():
        paths = sorted(p for p in path.rglob("*") if p.is_file())
        return {str(p.relative_to(path)): _content_hashes(p)[""] for p in paths}
    companions = sorted(companion_files(path))
    return weight_hashes(path) | {name: files.sha256(path / name) for name in companions}
