"""Fine-tuning theta0 on positive reviews, batches of 16: real tokens a second, one core.

Both sides take the same number of steps on the same sentences. Trainer has another order, and
its collator pads. Padding does not count as tokens.
"""

import tempfile
from pathlib import Path

import bench
from bench import Setup, timed

UNIT = "tokens"
OURS = "ours"
SIZE = 16


def _steps(setup: Setup) -> int:
    return 4 if setup.quick else 12


def _sequences(setup: Setup, tokenizer) -> list[list[int]]:
    from paramlerp.jobs import files
    from paramlerp.lm import tokenization

    text = setup.results / "data" / "sentiment" / "experts" / "positive" / "train.jsonl"
    rows = files.read_jsonl(text)
    return [tokenization.encode(tokenizer, row["text"], end=True)[:64] for row in rows]


def ours(setup: Setup) -> dict:
    from paramlerp.lm import batching, likelihood
    from paramlerp.training import loop, states

    model, tokenizer = bench.our_model(setup.checkpoint("base"), setup.threads, train=True)
    sequences = _sequences(setup, tokenizer)
    peak = bench.peak_flops()
    cost = 3 * bench.flops_per_token(model)

    def fit(steps: int) -> dict:
        lengths = [len(s) for s in sequences]
        batches = batching.training_batches(lengths, size=SIZE, steps=steps, seed=1)
        loop.fit(
            model,
            batches,
            lambda model, batch: likelihood.token_nll(model, [sequences[i] for i in batch])[
                0
            ].mean(),
            learning_rate=1e-4,
            warmup=0.1,
            weight_decay=0.0,
            clip=1.0,
            evaluate=dict,
            evaluate_every=steps,
            states=states.TrainingStates(Path(tempfile.mkdtemp()), every=1e9),
        )
        return {"amount": sum(lengths[i] - 1 for batch in batches for i in batch)}

    fit(1)
    figures = timed(lambda: fit(_steps(setup)))
    return {**figures, "of_peak": figures["amount"] * cost / figures["seconds"] / peak}


def trainer(setup: Setup) -> dict:
    from datasets import Dataset
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    model, tokenizer = bench.plain_model(setup.checkpoint("base"), setup.threads)
    tokenizer.pad_token = tokenizer.eos_token
    sequences = _sequences(setup, tokenizer)
    collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    seen = []

    def counting(rows):
        seen.append(sum(len(row["input_ids"]) - 1 for row in rows))
        return collate(rows)

    def fit(steps: int) -> dict:
        seen.clear()
        Trainer(
            model,
            TrainingArguments(
                output_dir=tempfile.mkdtemp(),
                per_device_train_batch_size=SIZE,
                max_steps=steps,
                learning_rate=1e-4,
                warmup_steps=1,
                use_cpu=model.device.type == "cpu",
                seed=1,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"input_ids": sequences}),
            data_collator=counting,
        ).train()
        return {"amount": sum(seen[:steps])}

    fit(1)
    return timed(lambda: fit(_steps(setup)))


SIDES = {"ours": ours, "Trainer with its default padding": trainer}

if __name__ == "__main__":
    bench.main(SIDES)
