"""States of a training in progress, so that a kill costs minutes.

Snakemake deletes a job's declared outputs before it runs the job again, so these
lie elsewhere, in results/unfinished/: in a folder whose name hashes every input, so an
edit never resumes stale state.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..jobs import files
from ..jobs.runtime import logger
from ..lm.models import device
from ..weights.checkpoints import companion_files
from ..weights.records import weight_hashes

_STATE, _TENSORS = "state.json", "tensors.safetensors"
#: whose versions can change a training's bytes
_LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")


@dataclass
class Checkpoints:
    """The checkpoints of one training: `step=...` folders, the newest `keep` of them.

    `every` is the number of seconds between two.
    """

    folder: Path
    every: float
    keep: int = 1
    saved: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time for another."""
        return time.monotonic() - self.saved >= self.every

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict) -> None:
        """Write a checkpoint beside and rename it, then drop the oldest; `state` is for JSON."""
        with files.writing(self.folder / f"step={step:08d}") as beside:
            beside.mkdir()
            save_file(tensors, beside / _TENSORS)
            files.write_json(beside / _STATE, {"step": step, **state})
        held = self._steps()
        # One of a later step cannot be read, or it would have been gone on from.
        later = [path for path in held if path.name > f"step={step:08d}"]
        for path in [*later, *held[: -self.keep - len(later)]]:
            shutil.rmtree(path, ignore_errors=True)
        self.saved = time.monotonic()

    def newest(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """Tensors and state of the newest checkpoint that can be read, or None.

        One that cannot is passed over with a line that says so.
        """
        for path in reversed(self._steps()):
            try:
                state = json.loads((path / _STATE).read_text(encoding="utf-8"))
                return load_file(path / _TENSORS), state
            except (OSError, ValueError, SafetensorError) as error:
                logger.warning("%s cannot be read, so it is passed over: %s", path, error)
        return None

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step=*"))


@contextmanager
def checkpoints(snakemake) -> Iterator[Checkpoints]:
    """The checkpoints of a rule's job; gone when the job is done.

    So are those of the same job before an edit. How often to save is read from the
    config itself, not from params: it changes nothing that is made, so it must not
    make it again.
    """
    name = "-".join([snakemake.rule, *filter(None, map(str, snakemake.wildcards))])
    own = Path("results", "unfinished", name)
    folder = own / fingerprint(snakemake)
    for other in set(own.glob("*")) - {folder}:
        logger.warning("%s is of other settings, text or code, and is dropped", other)
        shutil.rmtree(other, ignore_errors=True)
    yield Checkpoints(folder, every=60 * snakemake.config["checkpoint_minutes"])
    shutil.rmtree(own, ignore_errors=True)


def fingerprint(snakemake) -> str:
    """A hash of a job's params, code among them, its inputs' content, libraries and device."""
    digest = hashlib.sha256()

    def add(*values) -> None:
        digest.update(json.dumps(values, sort_keys=True, default=str).encode() + b"\n")

    add(snakemake.rule, dict(snakemake.wildcards), dict(snakemake.params))
    add(snakemake.threads if device().type == "cpu" else None)  # sums depend on them there
    add({name: version(name) for name in _LIBRARIES}, device().type)
    for path in map(Path, snakemake.input):
        add(path.name, _content(path))
    return digest.hexdigest()[:16]


#: bytes from which on a file of text is known by its size and date: reading it takes too long
LARGE = 1 << 28


def _content(path: Path) -> dict[str, str]:
    """File -> sha256 of a file, a folder, or a model, whose weights' were noted when written."""
    if path.is_file():
        size, date = path.stat().st_size, path.stat().st_mtime_ns
        return {"": files.sha256(path) if size < LARGE else f"{size} {date}"}
    if not (path / "config.json").exists():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        return {str(p.relative_to(path)): _content(p)[""] for p in inside}
    others = set(companion_files(path))
    return weight_hashes(path) | {name: files.sha256(path / name) for name in sorted(others)}


def snapshot(model, optimizer, schedule) -> tuple[dict[str, torch.Tensor], dict]:
    """All that a training goes on from: weights, moments and random states; and numbers."""
    own = optimizer.state_dict()
    tensors = {f"model.{name}": value.detach() for name, value in model.named_parameters()}
    for index, values in own["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors, {"param_groups": own["param_groups"], "schedule": schedule.state_dict()}


def restore(model, optimizer, schedule, tensors: dict[str, torch.Tensor], state: dict) -> None:
    """Put back what `snapshot` gave."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(tensors[f"model.{name}"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = value.clone()  # not the mapped file
    optimizer.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
