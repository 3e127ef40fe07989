"""Pretrain a causal LM from scratch, in as many processes as the config says (table 4).

The rule runs this script once. The script then starts itself through `accelerate launch`, once
per process, and hands each process its work in a JSON file. Their output goes to the job's log.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from paramlerp.jobs import devices, environment, files, main_process
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job, process

#: a complete config, so that accelerate does not read the user's config file
ACCELERATE = {
    "compute_environment": "LOCAL_MACHINE",
    "distributed_type": "NO",
    "num_processes": 1,
    "num_machines": 1,
    "machine_rank": 0,
    "mixed_precision": "no",
    "use_cpu": False,
    "debug": False,
}
#: most new tokens of a sample
SAMPLE_TOKENS = 30


def launch(script: str, work: dict, folder: Path, log) -> None:
    """Run `main(work)` of `script` in all processes; `folder` is for the files that they read.

    Raises UserError with the first error that a process printed, or if the job should have
    GPUs and PyTorch finds none.
    """
    processes = work["settings"]["processes"]
    if work["gpus"] and work["device"] == "cpu":
        if not devices.cpu_only():
            raise UserError(
                f"config: resources.pretrain.gpu: {work['gpus']}, but PyTorch finds no GPU here"
            )
        log.warning("%s is set: the CPU takes the place of %d GPUs", devices.CPU_ONLY, work["gpus"])
    files.write_json(folder / "work.json", work)
    files.write_json(folder / "accelerate.json", ACCELERATE)
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(folder / "accelerate.json")]
    command += ["--num_processes", str(processes)]
    if processes > 1:
        command += ["--multi_gpu", "--main_process_port", str(free_port())]
    command += [script, str(folder / "work.json")]
    library = [str(Path(script).absolute().parent.parent), os.environ.get("PYTHONPATH")]
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, library)),
        "OMP_NUM_THREADS": str(work["threads"]),
        **main_process.variables(),
    }
    if work["device"] == "cpu":
        # Not the option --cpu: with it accelerate silently starts one process only.
        variables[devices.CPU_ONLY] = "true"
    log.info("%s", shlex.join(command))
    launched = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    error = None
    for line in map(str.rstrip, launched.stdout):
        if line.startswith("error: ") and error is None:
            error = line.removeprefix("error: ")
        elif error is None:  # later lines only report that the processes ended
            log.info("%s", line)
    if launched.wait():
        raise UserError(error or f"accelerate launch ended with status {launched.returncode}")


def free_port() -> int:
    """A TCP port that no process of this machine uses now."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]


def main(work: dict) -> None:
    """Train in one of the processes; the one of rank 0 writes the outputs."""
    # Before the imports: Hugging Face's libraries read the switch at their first import.
    environment.allow_hub_for(work["text"]["where"])
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if work["device"] == "cpu" else "true"
    import torch

    from paramlerp.data import corpora
    from paramlerp.lm import models, tokenization
    from paramlerp.training import initialisation, pretraining, states

    environment.quiet_transformers()
    torch.set_num_threads(work["threads"])
    settings = work["settings"]
    block, processes = settings["block"], settings["processes"]
    rank = int(os.environ.get("RANK", "0"))
    if models.device().type == "cuda" and torch.cuda.device_count() < processes:
        raise UserError(
            f"{processes} processes were asked for, but there are {torch.cuda.device_count()} GPUs"
        )
    tokenizer = tokenization.load_lm_tokenizer(work["tokenizer"])
    model = initialisation.new_model(work["architecture"], tokenizer, work["initialisation"])
    eos = tokenizer.eos_token_id
    if (limit := models.clip_to_context(model, block)) < block:
        raise UserError(f"config: pretraining.block: {block}, but the model has {limit} positions")
    prompt = tokenization.encode(tokenizer, work["prompt"])
    limit = models.clip_to_context(model, len(prompt) + SAMPLE_TOKENS)
    if len(prompt) >= limit:
        raise UserError(
            f"config: pretraining.sample_prompt: it fills all {limit} positions of the model"
        )

    def encode(texts: list[str]) -> list[list[int]]:
        return tokenizer(texts, add_special_tokens=False)["input_ids"]

    documents = corpora.Documents(**work["text"])
    held_out = [row["text"] for row in files.read_jsonl(work["held_out"])]
    held_out = held_out[: settings["validation_texts"]]

    @torch.inference_mode()
    def write_samples() -> list[dict]:
        """Samples by transformers' `generate`.

        The library's own decoder would make its module a dependency of this script, so that an
        edit of the decoder would pretrain every model again.
        """
        ids = torch.tensor([prompt], device=model.device)
        sequences = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_p=0.9,
            top_k=0,
            max_new_tokens=limit - len(prompt),
            num_return_sequences=3,
            pad_token_id=eos,
        )
        return [{"text": t} for t in tokenizer.batch_decode(sequences, skip_special_tokens=True)]

    history, used = pretraining.train(
        model,
        lambda position: corpora.Blocks(
            documents,
            encode,
            block,
            eos,
            work["order"],
            rank=rank,
            processes=processes,
            state=position,
        ),
        torch.from_numpy(corpora.pack(held_out, encode, block, eos)),
        settings,
        seed=work["seed"],
        states=states.TrainingStates(Path(work["states"]), work["every"], work["keep"]),
        write_samples=write_samples,
    )
    if rank == 0:
        out = work["out"]
        models.save(model, tokenizer, out["model"])
        files.write_rows(out["losses"], history.losses)
        files.write_rows(out["speed"], history.speeds)
        files.write_jsonl(out["samples"], history.samples)
        files.write_json(out["used"], {**work["architecture"], **settings, **used})


if __name__ == "__main__" and "snakemake" in globals():
    from paramlerp.lm import models
    from paramlerp.training import resume

    params, inputs = snakemake.params, snakemake.input
    processes = params.settings["processes"]
    pretraining_config = snakemake.config["pretraining"]
    with job(snakemake, gpus=processes) as log, resume.training_states(snakemake) as states:
        work = {
            "text": params.documents,
            "held_out": inputs.held_out,
            "tokenizer": inputs.tokenizer,
            "architecture": params.architecture,
            "settings": params.settings,
            "seed": params.seed,
            # All models of a corpus read the same text in the same order.
            "order": params.order_seed,
            "initialisation": params.initialisation_seed,
            # From the config and not a param: another prompt must not train the model again.
            "prompt": pretraining_config["sample_prompt"],
            "threads": max(1, snakemake.threads // processes),
            "device": models.device().type,
            "gpus": snakemake.resources.get("gpu", 0),
            "states": str(states.folder),
            "every": states.every,
            "keep": pretraining_config["states_kept"],
            "out": dict(snakemake.output.items()),
        }
        with tempfile.TemporaryDirectory() as folder:
            launch(__file__, work, Path(folder), log)
elif __name__ == "__main__":
    with process():
        main(json.loads(Path(sys.argv[1]).read_text()))
