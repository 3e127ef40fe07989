"""The training loop of experts and classifiers in several processes."""

import os
import socket
import subprocess
import sys

import torch
from safetensors.torch import load_file

from conftest import ROOT, save, tiny

SEQUENCES = [[0, 5, 6, 7], [0, 9, 11, 8], [0, 7, 7, 12], [0, 30, 21, 6]]

#: trains on this process's share of a batch; the state after the first step has the gradients
TRAINING = f"""
import os, sys
from pathlib import Path
from paramlerp.lm import likelihood, models
from paramlerp.training import loop, states
folder, model = Path(sys.argv[1]), models.load_causal_lm(sys.argv[2], train=True)[0]
rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
share = {SEQUENCES}[rank::processes]
loop.fit(
    model, [share] * 2, lambda model, batch: likelihood.token_nll(model, batch)[0].mean(),
    learning_rate=1e-3, warmup=0, weight_decay=0, clip=1e9, evaluate=dict, evaluate_every=2,
    states=states.TrainingStates(folder / str(rank), every=0),
)
"""


def gradients(model, folder, processes: int) -> dict[str, torch.Tensor]:
    """The gradients of the first step, from AdamW's first moments in the state of process 0."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        port = str(listener.getsockname()[1])
    shared = {"PYTHONPATH": str(ROOT / "workflow" / "scripts"), "ACCELERATE_USE_CPU": "true"}
    shared |= {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    trainings = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(folder), model],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(processes)
    ]
    assert [training.wait() for training in trainings] == [0] * processes
    (state,) = (folder / "0").glob("step=*")
    (tensors,) = state.glob("*.safetensors")
    return {k: v for k, v in load_file(tensors).items() if k.endswith(".exp_avg")}


def test_two_processes_with_half_a_batch_each_have_the_gradients_of_one(tokenizer, tmp_path):
    model = save(tiny("llama", tokenizer, 0), tokenizer, tmp_path / "model")
    one, two = (gradients(model, tmp_path / str(n), n) for n in (1, 2))
    assert one.keys() == two.keys() and one
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], gradient, rtol=1e-3, atol=1e-6)
    assert any(gradient.abs().max() > 1e-4 for gradient in one.values())
