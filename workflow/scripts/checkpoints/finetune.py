"""Fine-tune a causal LM with one setting of the grid, on text of one pole or of both (table 1)."""

import torch

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import seed_for
from paramlerp.lm import batching, likelihood, models, tokenization
from paramlerp.training import loop, resume
from paramlerp.training.states import TrainingStates


def main(
    base,
    train: list,
    validation: list,
    setting: dict,
    training: dict,
    seed,
    model_out,
    losses_out,
    states: TrainingStates,
) -> None:
    """Write the fine-tuned model and its validation perplexity, evaluation by evaluation.

    `setting` has the settings that the grid varies, `training` the others; `train` and
    `validation` are JSONL files.
    """
    model, tokenizer = models.load_causal_lm(base, train=True)
    max_tokens = models.clip_to_context(model, training["max_tokens"])
    texts = [row["text"] for path in train for row in files.read_jsonl(path)]
    count = training["validation_texts"]
    held_out = [row["text"] for path in validation for row in files.read_jsonl(path)[:count]]
    sequences = [tokenization.encode(tokenizer, t, end=True)[:max_tokens] for t in texts]
    torch.manual_seed(seed_for(seed, "dropout"))
    batches = batching.training_batches(
        [len(s) for s in sequences], size=setting["batch_size"], steps=setting["steps"], seed=seed
    )

    def loss(model, batch: list[int]) -> torch.Tensor:
        return likelihood.token_nll(model, [sequences[i] for i in batch])[0].mean()

    def evaluate() -> dict[str, float]:
        perplexity = likelihood.perplexity(model, tokenizer, held_out, max_tokens)
        return {"validation_perplexity": perplexity}

    records = loop.fit(
        model,
        batches,
        loss,
        learning_rate=setting["learning_rate"],
        warmup=training["warmup"],
        weight_decay=training["weight_decay"],
        clip=training["clip"],
        evaluate=evaluate,
        evaluate_every=training["evaluate_every"],
        states=states,
    )
    models.save(model, tokenizer, model_out)
    files.write_rows(losses_out, records)


if __name__ == "__main__":
    with job(snakemake), resume.training_states(snakemake) as states:
        main(
            snakemake.input.base,
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.params.setting,
            snakemake.params.fixed_settings,
            snakemake.params.seed,
            snakemake.output.model,
            snakemake.output.losses,
            states,
        )
