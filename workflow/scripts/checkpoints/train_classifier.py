"""Fine-tune an encoder to classify text by the poles of an attribute: low (0) and high (1)."""

import numpy as np
import torch

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import batching, models
from paramlerp.measure import classifiers
from paramlerp.measure.calibration import auc
from paramlerp.training import loop, resume
from paramlerp.training.states import TrainingStates


def main(
    encoder,
    labels: list[str],
    train: list,
    validation: list,
    training: dict,
    seed,
    model_out,
    losses_out,
    states: TrainingStates,
) -> None:
    """Write the classifier and its validation metrics.

    `labels` are the names of the poles; `train` and `validation` have a JSONL file for each.
    """
    torch.manual_seed(seed)  # for the new head's weights and for dropout
    model, tokenizer = models.new_classifier(encoder, labels)
    texts, targets = read_labelled(train)
    held_out, held_out_targets = read_labelled(validation)
    max_tokens, size = training["max_tokens"], training["batch_size"]
    sequences = classifiers.encode(tokenizer, texts, max_tokens)
    steps = max(1, round(training["epochs"] * len(texts) / size))
    batches = batching.training_batches(
        [len(s) for s in sequences], size=size, steps=steps, seed=seed
    )

    def loss(model, batch: list[int]) -> torch.Tensor:
        batch_sequences = [sequences[i] for i in batch]
        batch_targets = [targets[i] for i in batch]
        return classifiers.label_loss(model, batch_sequences, batch_targets, tokenizer.pad_token_id)

    def evaluate() -> dict[str, float]:
        p = classifiers.probabilities(model, tokenizer, held_out, max_tokens)[:, 1]
        high = np.array(held_out_targets) == 1
        accuracy = float(((p > 0.5) == high).mean())
        return {"validation_auc": auc(p, high), "validation_accuracy": accuracy}

    records = loop.fit(
        model,
        batches,
        loss,
        learning_rate=training["learning_rate"],
        warmup=training["warmup"],
        weight_decay=training["weight_decay"],
        clip=training["clip"],
        evaluate=evaluate,
        evaluate_every=max(1, steps // 2),
        states=states,
    )
    models.save(model, tokenizer, model_out)
    files.write_rows(losses_out, records)


def read_labelled(paths: list[str]) -> tuple[list[str], list[int]]:
    """Texts and the index of each text's label, from one JSONL file per label, in its order."""
    rows = [(r["text"], label) for label, path in enumerate(paths) for r in files.read_jsonl(path)]
    return [text for text, _ in rows], [label for _, label in rows]


if __name__ == "__main__":
    with job(snakemake), resume.training_states(snakemake) as states:
        main(
            snakemake.input.encoder,
            snakemake.params.labels,
            snakemake.input.train,
            snakemake.input.validation,
            snakemake.params.settings,
            snakemake.params.seed,
            snakemake.output.model,
            snakemake.output.losses,
            states,
        )
