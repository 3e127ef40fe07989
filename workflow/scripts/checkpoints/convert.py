"""Make an HF directory of safetensors from a model in any supported format.

- A causal LM is saved anew in fp32 under transformers' own tensor names. Its experts will be
  saved so, and checkpoints mix only if dtypes and names are the same.
- GGUF is dequantised.
- PyTorch's pickled weights are read in this script only, by torch.load(weights_only=True),
  which executes no code.
- Other models are hard-linked.

Content hashes and the model's family are recorded beside the weights. A scorer's labels must
have the order that the config says.
"""

import shutil
from pathlib import Path

from paramlerp.jobs import environment, files
from paramlerp.jobs.errors import UserError, reason
from paramlerp.jobs.runtime import job
from paramlerp.weights import checkpoints, families, records

#: tokens between the texts that causal LMs are pretrained on (GPT-2, Pythia, SmolLM, Qwen; Llama 3)
SEPARATORS = ("<|endoftext|>", "<|end_of_text|>")


def main(
    source: Path,
    target: str,
    log,
    labels: list[list[str]] = (),
    separator: str | None = None,
) -> None:
    """Convert `source`, a folder or a GGUF file, into the HF directory `target`.

    `labels` has the labels that each scorer expects of this model; `separator` is the token
    between its texts, None to find it (`set_separator`). Raises UserError if there are no
    weights, if they are damaged or incomplete, if the labels differ, or if the tokenizer has no
    such separator.
    """
    if source.is_file():
        folder, names = source.parent, {source.name}
    else:
        folder, names = source, {path.name for path in source.iterdir() if path.is_file()}
    gguf = sorted(name for name in names if name.endswith(".gguf"))
    pickled = sorted(n for n in names if n.startswith("pytorch_model") and n.endswith(".bin"))
    with files.writing(target) as beside:
        beside.mkdir()
        if names & {checkpoints.WEIGHTS, checkpoints.INDEX}:
            checkpoints.Checkpoint(
                folder
            )  # raises now, not stages later, if a file is missing or cut short
            link_weights(folder, beside)
            copy_companions(folder, beside)
        elif gguf:
            log.info("dequantising %s to fp32; about half a minute", gguf[0])
            resave(folder, beside, source, log, separator, gguf_file=gguf[0])
        elif pickled:
            log.info("converting %s to safetensors", ", ".join(pickled))
            unpickle([folder / name for name in pickled], beside / checkpoints.WEIGHTS)
            copy_companions(folder, beside)
        else:
            raise UserError(f"{source}: holds no safetensors, GGUF or pytorch_model.bin")
        family = families.family(beside)
        causal_lm = family and family.name == "causal_lm"
        if separator and not causal_lm:
            raise UserError(f"{source}: no causal LM, and only those have a separator")
        if causal_lm and not gguf:
            resave(beside, beside, source, log, separator)
        for expected in labels:  # now, since the scorer runs hours later
            families.require_labels(beside, expected, source)
        records.write(beside)


def link_weights(folder: Path, target: Path) -> None:
    """Hard-link the safetensors files, and copy their index if there is one."""
    for name in checkpoints.weight_files(folder):
        files.link(folder / name, target / name)
    if (folder / checkpoints.INDEX).exists():
        shutil.copyfile(folder / checkpoints.INDEX, target / checkpoints.INDEX)


def copy_companions(folder: Path, target: Path) -> None:
    """Copy config, tokenizer and generation config."""
    for name in checkpoints.companion_files(folder):
        shutil.copyfile(folder / name, target / name)


def resave(folder: Path, target: Path, source: Path, log, separator: str | None, **gguf) -> None:
    """Load a causal LM and its tokenizer in fp32, from `gguf_file` if there is one; save both.

    Their EOS is set by `set_separator`. `folder` may be `target`. Error messages name `source`.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from paramlerp.lm.models import require_plain_head, require_whole

    environment.quiet_transformers()
    options = {"local_files_only": True, **gguf}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(f"{source}: cannot be read as a causal LM: {reason(error)}") from None
    require_whole(model, report, source)
    require_plain_head(model.eval(), source)
    set_separator(model, tokenizer, separator, source, log)
    if gguf:
        # The weights are plain floats now, but save_pretrained still sees a quantised model.
        model.hf_quantizer = None
        model.is_quantized = False
        del model.config.quantization_config
    if folder == target:
        # The weight files are hard links: writing through them would change the user's files.
        for name in checkpoints.weight_files(target):
            (target / name).unlink()
        (target / checkpoints.INDEX).unlink(missing_ok=True)
    model.save_pretrained(target)
    if tokenizer.chat_template is None:
        (target / "chat_template.jinja").unlink(missing_ok=True)
    tokenizer.save_pretrained(target)


def set_separator(model, tokenizer, separator: str | None, source: Path, log) -> None:
    """Make the token between texts the EOS of a model and its tokenizer.

    Without a `separator` it is the first of SEPARATORS that is a special token, else the EOS. An
    instruct model's EOS ends a turn: texts behind it cost the default run's base 0.17 to 0.31 nats
    a token more than behind the separator of its pretraining. The former EOS ends texts, too. A
    chat template is dropped: it is made of turns, and what is trained from here on is plain text.
    """
    from paramlerp.lm.models import end_ids

    vocabulary, eos = tokenizer.get_vocab(), tokenizer.eos_token
    if separator and separator not in vocabulary:
        raise UserError(f"{source}: its tokenizer has no token {separator!r}, the separator")
    # Some vocabularies hold GPT-2's separator as a token that their model never saw.
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    separator = separator or next((s for s in SEPARATORS if s in special), eos)
    if separator in (eos, None):
        return
    log.info("texts are separated by %s; the EOS %s only ends them", separator, eos)
    ends = {*end_ids(model), tokenizer.eos_token_id}
    tokenizer.eos_token, tokenizer.chat_template = separator, None
    model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.eos_token_id = sorted({*ends, tokenizer.eos_token_id} - {None})


def unpickle(paths: list[Path], target: Path) -> None:
    """Write PyTorch state dicts as one safetensors file.

    Tensors that share storage are written separately. Raises UserError if a file holds more
    than weights.
    """
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
        source, params = Path(snakemake.input.source), snakemake.params
        main(source, snakemake.output.model, log, params.labels, params.separator)
