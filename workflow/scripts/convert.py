"""Make an HF directory of safetensors from whatever a model came as.

Safetensors are linked as they are. GGUF is dequantised to fp32. PyTorch's
pickled weights are read here and nowhere else, by torch.load(weights_only=True),
which executes nothing. Content hashes are noted beside the weights.
"""

import shutil
from pathlib import Path

from paramlerp import checkpoints, files
from paramlerp.errors import UserError
from paramlerp.runtime import job, quieten_transformers


def main(source: Path, target: str, log) -> None:
    if source.is_file():
        folder, held = source.parent, [source]
    else:
        folder, held = source, sorted(p for p in source.iterdir() if p.is_file())
    with files.writing(target) as beside:
        beside.mkdir()
        names = {path.name for path in held}
        gguf = [path for path in held if path.suffix == ".gguf"]
        if names & {checkpoints.WEIGHTS, checkpoints.INDEX}:
            for name in [*checkpoints.weight_files(folder), checkpoints.INDEX]:
                if name in names:
                    files.link(folder / name, beside / name)
            copy_companions(folder, beside)
        elif gguf:
            log.info("dequantising %s to fp32; about half a minute", gguf[0].name)
            from_gguf(gguf[0], beside)
        elif pickled := sorted(
            n for n in names if n.startswith("pytorch_model") and n.endswith(".bin")
        ):
            log.info("converting %s to safetensors", ", ".join(pickled))
            from_pickle([folder / name for name in pickled], beside / checkpoints.WEIGHTS)
            copy_companions(folder, beside)
        else:
            raise UserError(f"{source}: holds no safetensors, GGUF or pytorch_model.bin")
        checkpoints.Checkpoint(beside)  # a file cut short is noticed here, not three stages on
        checkpoints.write_hashes(beside)


def copy_companions(folder: Path, target: Path) -> None:
    """Copy config, tokenizer and generation config."""
    for name in checkpoints.companion_files(folder):
        shutil.copyfile(folder / name, target / name)


def from_gguf(path: Path, target: Path) -> None:
    """Dequantise a GGUF file into an HF directory in fp32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quieten_transformers()  # which was not imported when the job began
    where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    tokenizer = AutoTokenizer.from_pretrained(**where, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        **where, dtype=torch.float32, local_files_only=True
    )
    # The weights are plain floats now, but save_pretrained still sees a quantised model.
    model.hf_quantizer = None
    model.is_quantized = False
    del model.config.quantization_config
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
        except Exception as error:
            raise UserError(f"{path}: not weights alone: {str(error).splitlines()[0]}") from None
        tensors |= {name: tensor.contiguous().clone() for name, tensor in state.items()}
    save_file(tensors, target, metadata={"format": "pt"})


if __name__ == "__main__":
    with job(snakemake) as log:
        main(Path(snakemake.input.source), snakemake.output.model, log)
