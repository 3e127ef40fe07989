"""Fine-tune an encoder to tell an attribute's poles apart: low (0) from high (1)."""

import numpy as np
import torch

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import batching, models
from paramlerp.measure import classifiers
from paramlerp.measure.statistics import auc
from paramlerp.training import resume, training


def main(
    encoder,
    labels: list[str],
    train: list,
    validation: list,
    how: dict,
    seed,
    model_out,
    losses_out,
    checkpoints,
) -> None:
    """`labels` are the names of the poles, and `train` and `validation` a file of each."""
    torch.manual_seed(seed)  # the new head's weights, and dropout
    model, tokenizer = models.new_classifier(encoder, labels)
    texts, targets = read(train)
    held_out, truth = read(validation)
    sequences = classifiers.encode_all(tokenizer, texts, how["max_tokens"])
    steps = max(1, round(how["epochs"] * len(texts) / how["batch_size"]))
    batches = batching.training_batches(
        [len(s) for s in sequences], size=how["batch_size"], steps=steps, seed=seed
    )

    def loss(model, batch):
        own = [sequences[i] for i in batch]
        return classifiers.label_loss(
            model, own, [targets[i] for i in batch], tokenizer.pad_token_id
        )

    def evaluate() -> dict[str, float]:
        p = classifiers.probabilities(model, tokenizer, held_out, how["max_tokens"])[:, 1]
        high = np.array(truth) == 1
        accuracy = float(((p > 0.5) == high).mean())
        return {"validation_auc": auc(p, high), "validation_accuracy": accuracy}

    records = training.fit(
        model,
        batches,
        loss,
        learning_rate=how["learning_rate"],
        warmup=how["warmup"],
        weight_decay=how["weight_decay"],
        clip=how["clip"],
        evaluate=evaluate,
        evaluate_every=max(1, steps // 2),
        checkpoints=checkpoints,
    )
    models.save(model, tokenizer, model_out)
    files.write_rows(losses_out, records)


def read(paths: list[str]) -> tuple[list[str], list[int]]:
    """Texts and labels from one file a label, in their order."""
    rows = [(r["text"], label) for label, path in enumerate(paths) for r in files.read_jsonl(path)]
    return [text for text, _ in rows], [label for _, label in rows]


if __name__ == "__main__":
    with job(snakemake), resume.checkpoints(snakemake) as kept:
        main(
            snakemake.input.encoder,
            snakemake.params.labels,
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.params.training,
            snakemake.params.seed,
            snakemake.output.model,
            snakemake.output.losses,
            kept,
        )
