"""After a kill the same command resumes the run. It loses minutes of work and not one byte."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from conftest import ROOT, make_inputs, tiny
from paramlerp.jobs import files
from paramlerp.plan import closure
from paramlerp.training import loop, resume, states
from paramlerp.weights import records
from runs import snakemake, snakemake_command, started, wait_for

STEPS = 20


def trained(folder: Path, *, keep: int = 1, stop_after: int | None = None):
    """Train a small model with dropout for `STEPS` steps and save the training state after each.

    Raises KeyboardInterrupt after `stop_after` steps. Returns the weights, the records and the
    number of steps that this call took.
    """
    torch.manual_seed(0)
    model = tiny("gpt2", range(64), resid_pdrop=0.2)
    batches = [[(7 * step + row) % 64 for row in range(8)] for step in range(STEPS)]
    seen = []

    def loss(model, batch):
        if len(seen) == stop_after:
            raise KeyboardInterrupt
        seen.append(batch)
        ids = torch.tensor([batch])
        return model(input_ids=ids, labels=ids).loss

    records = loop.fit(
        model,
        batches,
        loss,
        learning_rate=1e-2,
        warmup=0.1,
        weight_decay=0.1,
        clip=1.0,
        evaluate=lambda: {"first": float(next(model.parameters()).sum())},
        evaluate_every=7,
        states=states.TrainingStates(folder, every=0, keep=keep),
    )
    return model.state_dict(), records, len(seen)


def test_a_resumed_training_ends_in_the_same_bytes(tmp_path):
    weights, records, _ = trained(tmp_path / "undisturbed")
    for steps_until_kill in (1, 8):
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "killed", stop_after=steps_until_kill)
    resumed, resumed_records, steps = trained(tmp_path / "killed")
    assert steps == STEPS - 1 - 8, "no step was taken twice"
    assert resumed_records == records
    assert weights.keys() == resumed.keys()
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_a_damaged_training_state_is_skipped(tmp_path, caplog):
    weights, *_ = trained(tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", keep=2, stop_after=9)
    saved = sorted((tmp_path / "killed").iterdir())
    assert [p.name for p in saved] == ["step=00000008", "step=00000009"]
    with open(saved[1] / "tensors.safetensors", "r+b") as file:
        file.truncate(1000)
    resumed, _, steps = trained(tmp_path / "killed", keep=2)
    assert steps == STEPS - 8
    assert "step=00000009 cannot be read and is skipped" in caplog.text
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


class Job:
    """The attributes of Snakemake's job object that a fingerprint reads."""

    rule, threads = "candidate", 1

    def __init__(self, *paths, code, seed=1):
        self.input, self.params = paths, {"code": code, "seed": seed}
        self.wildcards = {"checkpoint": "positive"}


def test_a_training_state_belongs_to_its_config_data_and_code(tmp_path, trio):
    data, script = tmp_path / "train.jsonl", tmp_path / "before" / "finetune.py"
    data.write_text("{}")
    for folder, text in (("before", "steps = 1"), ("same", "steps = 1"), ("after", "steps = 2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / script.name).write_text(text)
    base = tmp_path / "base"
    base.mkdir()
    for file in trio["base"].iterdir():
        files.link(file, base / file.name)
    records.write(base)

    def name(script, **changes):
        return resume.fingerprint(Job(base, data, code=closure.digest(script), **changes))

    first = name(script)
    os.utime(data)
    assert name(script) == first, "a new modification time changes nothing"
    assert name(tmp_path / "same" / script.name) == first, "nor does another folder of the script"
    names = {first, name(script, seed=2)}
    data.write_text("{} ")
    names.add(name(script))
    script = tmp_path / "after" / script.name
    names.add(name(script))
    (base / "config.json").unlink()
    (base / "config.json").write_text("{}")
    names.add(name(script))
    (base / records.HASHES).write_text("0  model.safetensors\n")
    names.add(name(script))
    assert len(names) == 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer) -> Path:
    """Inputs, and a config of one long training that saves a training state after each step."""
    folder = tmp_path_factory.mktemp("kills")
    make_inputs(folder / "inputs", tokenizer)
    config = (ROOT / "tests/tiny.yaml").read_text().replace("steps: [12]", "steps: [150]")
    (folder / "long.yaml").write_text(config + "\nsave_minutes: 0\n")
    return folder


SETTING = "lr=0.01_batch=8_steps=150"
TARGET = f"results/candidates/positive/{SETTING}"


def long_run(run, folder: Path, *arguments):
    """Run that training by `run`: snakemake, snakemake_command or started."""
    return run(folder, TARGET, *arguments, configfile=folder / "long.yaml")


@contextmanager
def training_again(folder: Path):
    """Start the same training once more and yield its process after the first steps."""
    with long_run(started, folder, "--forcerun", "candidate") as process:
        unfinished = folder / "results" / "unfinished"
        pattern = "candidate-*/*/step=*[2-9]0"
        wait_for(lambda: list(unfinished.glob(pattern)), process, "a training state")
        yield process


def must(run):
    assert run.returncode == 0, run.stdout + run.stderr


def candidate(folder: Path) -> dict[str, bytes]:
    """File name -> content of the trained candidate and of its losses."""
    out = {p.name: p.read_bytes() for p in sorted((folder / TARGET).glob("[!.]*"))}
    return out | {"losses": (folder / f"{TARGET}.csv").read_bytes()}


def log(folder: Path) -> str:
    return (folder / f"results/logs/candidate/positive/{SETTING}.log").read_text()


def test_the_same_command_resumes_after_a_kill(folder):
    """A kill of the process group leaves no stale lock and no partial file. The same command
    without any flag resumes from the last training state and ends in the same bytes."""
    must(long_run(snakemake, folder))
    assert "resuming" not in log(folder)
    undisturbed = candidate(folder)
    with training_again(folder):
        pass
    assert not (folder / TARGET).exists()
    must(long_run(snakemake_command, folder))
    assert "resuming from step" in log(folder)
    assert candidate(folder) == undisturbed
    assert not list((folder / "results/unfinished").iterdir())
    assert not list(folder.rglob("*.part"))


def test_no_job_outlives_its_run(folder):
    with training_again(folder) as process:
        jobs = [p for p in Path("/proc").glob("[0-9]*") if trains_in(p, folder)]
        assert jobs
        # This kills the main process alone. It stays a zombie because nobody waits for it here.
        os.kill(process.pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while [p for p in jobs if trains_in(p, folder)]:
            assert time.monotonic() < end, "the job outlives its run"
            time.sleep(0.1)
    must(long_run(snakemake, folder))
    assert "resuming from step" in log(folder)


def test_a_second_run_in_the_same_folder_is_refused(folder):
    with training_again(folder) as process:
        os.killpg(process.pid, signal.SIGSTOP)  # else it could end before the second run begins
        second = long_run(snakemake, folder)
        assert second.returncode != 0
        assert f"another run is at work in {folder}: process {process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        must(long_run(snakemake, folder, "--dry-run"))  # a dry run needs no lock


def trains_in(process: Path, folder: Path) -> bool:
    """Whether a process (a folder in /proc) is a training job of the run in `folder`."""
    try:
        trains = (process / "comm").read_text() == "finetune\n"
        return trains and Path(os.readlink(process / "cwd")) == folder
    except OSError:
        return False
