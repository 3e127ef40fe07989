"""Pretrain a causal LM from scratch, in as many processes as the config says (table 4).

The rule runs this script once. It starts it again through `accelerate launch`, in every
process, with all that it needs in a JSON file; what those print becomes the job's log.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from paramlerp.data import readers
from paramlerp.jobs import devices, files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import as_main_process, job, process

#: settings of our own, or accelerate would read what the user once told it for something else
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


def launch(script: str, work: dict, folder: Path, log) -> None:
    """Run `work` in its processes. Raises UserError with what one of them said went wrong."""
    processes = work["how"]["processes"]
    if work["gpus"] and work["device"] == "cpu":
        if not devices.cpu_only():
            raise UserError(
                f"config: resources.pretrain.gpu: {work['gpus']}, but PyTorch finds no GPU here"
            )
        log.warning("%s is set: the CPU takes the place of %d GPUs", devices.CPU_ONLY, work["gpus"])
    files.write_json(folder / "work.json", work)
    files.write_json(folder / "accelerate.json", ACCELERATE)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(folder / "accelerate.json")]
    command += ["--num_processes", str(processes)]
    command += ["--multi_gpu", "--main_process_port", str(port)] if processes > 1 else []
    command += [script, str(folder / "work.json")]
    here = os.pathsep.join(
        filter(None, [str(Path(script).absolute().parent.parent), os.environ.get("PYTHONPATH")])
    )
    own = {"PYTHONPATH": here, "OMP_NUM_THREADS": str(work["threads"]), **as_main_process()}
    if work["device"] == "cpu":
        # With --cpu accelerate would quietly start one process, whatever was asked for.
        own[devices.CPU_ONLY] = "true"
    log.info("%s", shlex.join(command))
    running = subprocess.Popen(
        command,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wrong = None
    for line in map(str.rstrip, running.stdout):
        if line.startswith("error: ") and wrong is None:
            wrong = line.removeprefix("error: ")
        elif wrong is None:  # what comes after only tells that processes ended
            log.info("%s", line)
    if running.wait():
        raise UserError(wrong or f"accelerate launch ended with status {running.returncode}")


def main(work: dict) -> None:
    """What each process does."""
    readers.go_online_for(work["text"]["where"])  # before anything that would remember otherwise
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if work["device"] == "cpu" else "true"
    import torch

    from paramlerp.data import corpora
    from paramlerp.lm import models
    from paramlerp.training import pretraining, resume

    torch.set_num_threads(work["threads"])
    how, seed = work["how"], work["seed"]
    rank = int(os.environ.get("RANK", "0"))
    if models.device().type == "cuda" and torch.cuda.device_count() < how["processes"]:
        raise UserError(
            f"{how['processes']} processes were asked for, but there are"
            f" {torch.cuda.device_count()} GPUs"
        )
    tokenizer = models.load_lm_tokenizer(work["tokenizer"])
    model = pretraining.new_model(work["architecture"], tokenizer, work["initialisation"])
    eos = tokenizer.eos_token_id
    if (limit := models.fitting(model, how["block"])) < how["block"]:
        raise UserError(
            f"config: pretraining.block: {how['block']}, but the model has {limit} places"
        )
    prompt = models.encode(tokenizer, work["prompt"])
    limit = models.fitting(model, len(prompt) + 30)
    if len(prompt) >= limit:
        raise UserError(f"config: pretraining.sample_prompt: no place is left behind it of {limit}")

    def encode(texts: list[str]) -> list[list[int]]:
        return tokenizer(texts, add_special_tokens=False)["input_ids"]

    documents = corpora.Documents(**work["text"])
    held_out = [row["text"] for row in files.read_jsonl(work["held_out"])][
        : how["validation_texts"]
    ]

    @torch.inference_mode()
    def write_samples() -> list[dict]:
        """By transformers' own sampling, so that an edit of ours trains nothing again."""
        ids = torch.tensor([prompt], device=model.device)
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_p=0.9,
            top_k=0,
            max_new_tokens=limit - len(prompt),
            num_return_sequences=3,
            pad_token_id=eos,
        )
        return [{"text": t} for t in tokenizer.batch_decode(out, skip_special_tokens=True)]

    losses, speeds, samples, used = pretraining.train(
        model,
        lambda state: corpora.Blocks(
            documents,
            encode,
            how["block"],
            eos,
            work["order"],
            rank=rank,
            processes=how["processes"],
            state=state,
        ),
        torch.from_numpy(corpora.packed(held_out, encode, how["block"], eos)),
        how,
        seed=seed,
        checkpoints=resume.Checkpoints(Path(work["checkpoints"]), work["every"], work["keep"]),
        write_samples=write_samples,
    )
    if rank == 0:
        out = work["out"]
        models.save(model, tokenizer, out["model"])
        files.write_rows(out["losses"], losses)
        files.write_rows(out["speed"], speeds)
        files.write_jsonl(out["samples"], samples)
        files.write_json(out["used"], {**work["architecture"], **how, **used})


if __name__ == "__main__" and "snakemake" in globals():
    from paramlerp.lm import models
    from paramlerp.training import resume

    processes = snakemake.params.pretraining["processes"]
    with job(snakemake, gpus=processes) as log, resume.checkpoints(snakemake) as kept:
        params, given = snakemake.params, snakemake.input
        settings = snakemake.config["pretraining"]
        with tempfile.TemporaryDirectory() as folder:
            launch(
                __file__,
                {
                    "text": params.text,
                    "held_out": given.held_out,
                    "tokenizer": given.tokenizer,
                    "architecture": params.architecture,
                    "how": params.pretraining,
                    "seed": params.seed,
                    # The same text in the same order, whichever model reads it.
                    "order": params.order,
                    "initialisation": params.initialisation,
                    # Samples change nothing that is made of the model, so no param makes it again.
                    "prompt": settings["sample_prompt"],
                    "threads": max(1, snakemake.threads // processes),
                    "device": models.device().type,
                    "gpus": snakemake.resources.get("gpu", 0),
                    "checkpoints": str(kept.folder),
                    "every": kept.every,
                    "keep": settings["checkpoints_kept"],
                    "out": dict(snakemake.output.items()),
                },
                Path(folder),
                log,
            )
elif __name__ == "__main__":
    with process():
        main(json.loads(Path(sys.argv[1]).read_text()))
