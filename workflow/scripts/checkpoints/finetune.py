"""Fine-tune a causal LM with one setting, on text of one pole or of both."""

import torch

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import seed_for
from paramlerp.lm import batching, likelihood, models
from paramlerp.training import resume, training


def main(
    base, train, validation, setting: dict, how: dict, seed, model_out, losses_out, checkpoints
) -> None:
    model, tokenizer = models.load_causal_lm(base, train=True)
    how = {**how, "max_tokens": models.fitting(model, how["max_tokens"])}
    texts = [row["text"] for path in train for row in files.read_jsonl(path)]
    count = how["validation_texts"]
    held_out = [row["text"] for path in validation for row in files.read_jsonl(path)[:count]]
    sequences = [models.encode(tokenizer, t, end=True)[: how["max_tokens"]] for t in texts]
    torch.manual_seed(seed_for(seed, "dropout"))
    batches = batching.training_batches(
        [len(s) for s in sequences], size=setting["batch_size"], steps=setting["steps"], seed=seed
    )
    records = training.fit(
        model,
        batches,
        lambda model, batch: likelihood.token_nll(model, [sequences[i] for i in batch])[0].mean(),
        learning_rate=setting["learning_rate"],
        warmup=how["warmup"],
        weight_decay=how["weight_decay"],
        clip=how["clip"],
        evaluate=lambda: {
            "validation_perplexity": likelihood.perplexity(
                model, tokenizer, held_out, how["max_tokens"]
            )
        },
        evaluate_every=how["evaluate_every"],
        checkpoints=checkpoints,
    )
    models.save(model, tokenizer, model_out)
    files.write_rows(losses_out, records)


if __name__ == "__main__":
    with job(snakemake), resume.checkpoints(snakemake) as kept:
        main(
            snakemake.input.base,
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.params.setting,
            snakemake.params.training,
            snakemake.params.seed,
            snakemake.output.model,
            snakemake.output.losses,
            kept,
        )
