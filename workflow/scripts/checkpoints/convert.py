"""Make an HF directory of safetensors from whatever a model came as.

A causal LM is written anew in fp32 under transformers' own tensor names, as its
experts will be, or the two would not mix. Other models are linked as they are.
GGUF is dequantised. PyTorch's pickled weights are read here and nowhere else, by
torch.load(weights_only=True), which executes nothing. Content hashes are noted
beside the weights. A scorer's labels must be in the order that the config says.
"""

import shutil
from pathlib import Path

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError, reason
from paramlerp.jobs.runtime import job
from paramlerp.weights import checkpoints, families, records


def main(source: Path, target: str, log, labels: list[list[str]] = ()) -> None:
    if source.is_file():
        folder, held = source.parent, {source.name}
    else:
        folder, held = source, {path.name for path in source.iterdir() if path.is_file()}
    gguf = sorted(name for name in held if name.endswith(".gguf"))
    pickled = sorted(n for n in held if n.startswith("pytorch_model") and n.endswith(".bin"))
    with files.writing(target) as beside:
        beside.mkdir()
        if held & {checkpoints.WEIGHTS, checkpoints.INDEX}:
            checkpoints.Checkpoint(folder)  # a file cut short is noticed here, not three stages on
            link_weights(folder, beside)
            copy_companions(folder, beside)
        elif gguf:
            log.info("dequantising %s to fp32; about half a minute", gguf[0])
            rewrite(folder, beside, source, gguf_file=gguf[0])
        elif pickled:
            log.info("converting %s to safetensors", ", ".join(pickled))
            from_pickle([folder / name for name in pickled], beside / checkpoints.WEIGHTS)
            copy_companions(folder, beside)
        else:
            raise UserError(f"{source}: holds no safetensors, GGUF or pytorch_model.bin")
        own = families.family(beside)
        if not gguf and own and own.name == "causal_lm":
            rewrite(beside, beside, source)
        for wanted in labels:  # hours before a text is scored
            families.require_labels(beside, wanted, source)
        records.write(beside)


def link_weights(folder: Path, target: Path) -> None:
    """Link the safetensors, and their index if they are sharded."""
    for name in checkpoints.weight_files(folder):
        if not (folder / name).exists():
            raise UserError(f"{folder / name}: no such file, but {checkpoints.INDEX} names it")
        files.link(folder / name, target / name)
    if (folder / checkpoints.INDEX).exists():
        shutil.copyfile(folder / checkpoints.INDEX, target / checkpoints.INDEX)


def copy_companions(folder: Path, target: Path) -> None:
    """Copy config, tokenizer and generation config."""
    for name in checkpoints.companion_files(folder):
        shutil.copyfile(folder / name, target / name)


def rewrite(folder: Path, target: Path, source: Path, **gguf) -> None:
    """Load a causal LM and its tokenizer, from GGUF if its file is named, and save both.

    `folder` may be `target`. `source` is what an error names.
    """
    import torch

    from paramlerp.lm.models import AutoModelForCausalLM, AutoTokenizer, require_plain_head

    how = {"local_files_only": True, **gguf}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **how)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **how
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(f"{source}: cannot be read as a causal LM: {reason(error)}") from None
    if report["missing_keys"]:
        raise UserError(f"{source}: lacks {sorted(report['missing_keys'])[0]}, which it needs")
    require_plain_head(model.eval(), source)
    if gguf:
        # The weights are plain floats now, but save_pretrained still sees a quantised model.
        model.hf_quantizer = None
        model.is_quantized = False
        del model.config.quantization_config
    if folder == target:
        # They are links to the user's files: to write through them would change those.
        for name in checkpoints.weight_files(target):
            (target / name).unlink()
        (target / checkpoints.INDEX).unlink(missing_ok=True)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def from_pickle(paths: list[Path], target: Path) -> None:
    """Write PyTorch state dicts as one safetensors file; shared storage is written out."""
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for path in paths:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            tensors |= {name: tensor.contiguous().clone() for name, tensor in state.items()}
        except Exception as error:
            raise UserError(f"{path}: not weights alone: {reason(error)}") from None
    save_file(tensors, target, metadata={"format": "pt"})


if __name__ == "__main__":
    with job(snakemake) as log:
        source = Path(snakemake.input.source)
        main(source, snakemake.output.model, log, snakemake.params.labels)
