"""A new causal LM from the architecture in the config."""

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from ..jobs.errors import UserError
from ..lm.models import require_plain_head


def new_model(architecture: dict, tokenizer, seed: int) -> torch.nn.Module:
    """A causal LM in fp32 with random weights that `seed` determines.

    `architecture` is `model_type` and keys of that type's config; a key whose value is None is
    ignored. Vocabulary and special tokens are the tokenizer's. Raises UserError if transformers
    does not know the type or a key or refuses a value, or if the logits are not the plain
    output of the LM head.
    """
    where, kind = "config: pretraining.architecture", architecture["model_type"]
    if kind not in CONFIG_MAPPING:
        raise UserError(f"{where}.model_type: {kind!r} is not known")
    sizes = {k: v for k, v in architecture.items() if v is not None and k != "model_type"}
    eos = tokenizer.eos_token_id
    from_tokenizer = {"bos_token_id": eos, "eos_token_id": eos, "vocab_size": len(tokenizer)}
    keys = CONFIG_MAPPING[kind]().to_dict()
    for key in sizes:
        if key not in keys:
            raise UserError(f"{where}.{key}: {kind} has no such key (null takes one away)")
        if key in from_tokenizer:
            raise UserError(f"{where}.{key}: the tokenizer sets it")
    torch.manual_seed(seed)
    try:
        config = CONFIG_MAPPING[kind](**sizes, **from_tokenizer)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except Exception as error:  # its class depends on the model type and the value
        message = " ".join(str(error).split())
        raise UserError(f"{where}: {type(error).__name__}: {message:.200}") from None
    require_plain_head(model.eval(), where)
    return model
