"""Merging two models at one half, files in the system's cache: bytes read and written a second.

Every side is a separate process, timed from its start until its files are on the disk (fsync).
Case `experts` merges the default run's two (0.5 GB each); case `large` merges two random
checkpoints of 1.2 GB each, half of which is one tensor. Private memory counts anonymous pages
only, because the pages of mapped files belong to the system.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench
from bench import Setup

UNIT = "bytes"
OURS = "ours"
CASES = ["experts", "large"]
MERGEKIT = "mergekit==0.1.5"

MERGE = """
import sys
from decimal import Decimal
sys.path.insert(0, sys.argv[1])
from paramlerp.weights import merging
half = Decimal("0.5")
merging.write_merged("g1", "alpha=0.500", {"positive": half, "negative": half},
                     {"positive": sys.argv[2], "negative": sys.argv[3]}, sys.argv[4])
"""


def _ends(setup: Setup, folder: Path) -> list[Path]:
    if setup.case == "experts":
        return [setup.checkpoint(pole) for pole in ("positive", "negative")]
    return [_random(setup, folder / pole, seed) for seed, pole in enumerate(("a", "b"))]


def _random(setup: Setup, target: Path, seed: int) -> Path:
    """A Llama of 300M parameters in fp32, half of them in its embedding."""
    import numpy as np
    from safetensors.numpy import save_file

    from paramlerp.weights import checkpoints, records

    model = setup.checkpoint("positive")
    target.mkdir()
    for name in checkpoints.companion_files(model):
        shutil.copyfile(model / name, target / name)
    config = json.loads((model / "config.json").read_text())
    width, inner, layers = 768, 3072, 16
    config |= {"hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers}
    config |= {"num_attention_heads": 12, "num_key_value_heads": 12, "head_dim": 64}
    config |= {"vocab_size": 200_000}
    (target / "config.json").write_text(json.dumps(config))
    shapes = {"model.embed_tokens.weight": (200_000, width), "model.norm.weight": (width,)}
    for i in range(layers):
        layer = f"model.layers.{i}."
        for name in "qkvo":
            shapes[f"{layer}self_attn.{name}_proj.weight"] = (width, width)
        shapes[f"{layer}mlp.gate_proj.weight"] = shapes[f"{layer}mlp.up_proj.weight"] = (
            inner,
            width,
        )
        shapes[f"{layer}mlp.down_proj.weight"] = (width, inner)
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{layer}{name}.weight"] = (width,)
    random = np.random.default_rng(seed)
    tensors = {name: random.random(shape, np.float32) for name, shape in shapes.items()}
    save_file(tensors, target / checkpoints.WEIGHTS, metadata={"format": "pt"})
    records.write(target)
    return target


def _measured(setup: Setup, command, sources: int) -> dict:
    """Run `command(ends, target)`, which reads `sources` models, on files in the cache."""
    with tempfile.TemporaryDirectory(dir=setup.results) as scratch:
        folder = Path(scratch)
        ends, target = _ends(setup, folder), folder / "out"
        size = 0
        for end in ends:
            for file in end.glob("*.safetensors"):
                size += len(file.read_bytes())  # also puts the file into the cache
        subprocess.run(["sync"], check=True)
        start = time.perf_counter()
        running = subprocess.Popen(command(ends, target), stdout=subprocess.DEVNULL)
        memory = _PeakAnonymousMemory(running)
        if running.wait():
            raise SystemExit(f"{command.__name__}: exit status {running.returncode}")
        subprocess.run(["sync", *target.iterdir(), target], check=True)
        seconds = time.perf_counter() - start
        memory.join()
        out = sum(file.stat().st_size for file in target.glob("*.safetensors"))
        share = memory.peak / (size / len(ends))
        return {"seconds": seconds, "amount": sources * size / len(ends) + out, "private": share}


class _PeakAnonymousMemory(threading.Thread):
    """Samples a process's anonymous memory until it ends; `peak` is the largest, in bytes."""

    def __init__(self, running):
        super().__init__(daemon=True)
        self.running, self.peak = running, 0
        self.start()

    def run(self) -> None:
        status = Path(f"/proc/{self.running.pid}/status")
        while self.running.poll() is None:
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)
            time.sleep(0.005)


def ours(setup: Setup) -> dict:
    library = bench.HERE.parent / "workflow" / "scripts"

    def command(ends, target):
        return [sys.executable, "-c", MERGE, library, *ends, target]

    return _measured(setup, command, 2)


def copy(setup: Setup) -> dict:
    """cp of one of the two models: as many bytes are read as written."""

    def command(ends, target):
        return ["cp", "-r", ends[0], target]

    return _measured(setup, command, 1)


def mergekit(setup: Setup) -> dict:
    """mergekit's linear merge, in a virtual environment that the first run creates."""
    environment = bench.HERE / ".mergekit"
    if not (environment / "bin" / "mergekit-yaml").exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "-q", MERGEKIT], check=True)

    def command(ends, target):
        recipe = target.parent / "recipe.yaml"
        models = [{"model": str(end.resolve()), "parameters": {"weight": 0.5}} for end in ends]
        settings = {"merge_method": "linear", "dtype": "float32", "models": models}
        recipe.write_text(json.dumps(settings))  # JSON is YAML
        return [environment / "bin" / "mergekit-yaml", recipe, target]

    return _measured(setup, command, 2)


SIDES = {"ours": ours, "cp of one model": copy, f"linear merge by {MERGEKIT}": mergekit}

if __name__ == "__main__":
    bench.main(SIDES)
