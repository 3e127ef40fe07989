"""Training states: all that a training needs to continue after a kill, saved while it runs."""

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..jobs import files
from ..jobs.runtime import logger

_NUMBERS, _TENSORS = "state.json", "tensors.safetensors"


@dataclass
class TrainingStates:
    """The states of one training: the newest `keep` of its folders `step=...`.

    `every` is the number of seconds between two saves.
    """

    folder: Path
    every: float
    keep: int = 1
    last_save: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether `every` seconds have passed since the last save."""
        return time.monotonic() - self.last_save >= self.every

    def save(self, step: int, tensors: dict[str, torch.Tensor], numbers: dict) -> None:
        """Save the state after `step`, then delete the oldest; `numbers` is written as JSON.

        The state gets its name only when it is complete, so a kill never leaves half a state.
        """
        name = f"step={step:08d}"
        with files.writing(self.folder / name) as beside:
            beside.mkdir()
            save_file(tensors, beside / _TENSORS)
            files.write_json(beside / _NUMBERS, {"step": step, **numbers})
        paths = self._paths()
        # A state of a later step is unreadable, or the training would have resumed from it.
        later = [path for path in paths if path.name > name]
        for path in [*later, *paths[: -self.keep - len(later)]]:
            shutil.rmtree(path, ignore_errors=True)
        self.last_save = time.monotonic()

    def newest(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """Tensors and numbers of the newest state that can be read, or None.

        An unreadable state is skipped with a warning.
        """
        for path in reversed(self._paths()):
            try:
                numbers = json.loads((path / _NUMBERS).read_text(encoding="utf-8"))
                return load_file(path / _TENSORS), numbers
            except (OSError, ValueError, SafetensorError) as error:
                logger.warning("%s cannot be read and is skipped: %s", path, error)
        return None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step=*"))


def snapshot(model, optimizer, schedule) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors (weights, moments, random states) and numbers that `restore` needs."""
    optimizer_state = optimizer.state_dict()
    tensors = {f"model.{name}": value.detach() for name, value in model.named_parameters()}
    for index, values in optimizer_state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    numbers = {"param_groups": optimizer_state["param_groups"], "schedule": schedule.state_dict()}
    return tensors, numbers


def restore(model, optimizer, schedule, tensors: dict[str, torch.Tensor], numbers: dict) -> None:
    """Set model, optimizer, schedule and random states to those of a `snapshot`."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(tensors[f"model.{name}"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            # A clone, since the optimizer writes into it and `value` maps the state's file.
            moments.setdefault(int(index), {})[name] = value.clone()
    optimizer.load_state_dict({"state": moments, "param_groups": numbers["param_groups"]})
    schedule.load_state_dict(numbers["schedule"])
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
