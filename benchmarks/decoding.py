"""Continuations of the default run's prompts at one point: texts a second.

Nucleus sampling at .9, up to 30 tokens, 4 samples of each prompt, one core. At g1(0.5)
most texts end before 30 tokens, at g2(0.5) hardly any.
"""

import bench
from bench import Setup, timed

UNIT = "texts"
OURS = "ours"
CASES = ["g1/alpha=0.500", "g2/alpha=0.500"]
SAMPLES, LENGTH, TOP_P = 4, 30, 0.9


def ours(setup: Setup) -> dict:
    from paramlerp.lm import decoding

    model, tokenizer = bench.our_model(setup.model(), setup.threads)
    settings = {"max_new_tokens": LENGTH, "top_p": TOP_P, "max_rows": 256}
    source, prompts = decoding.ModelLogits(model), setup.prompts()
    cost, peak = bench.flops_per_token(model), bench.peak_flops()

    def run(prompts: list[dict], seed: int) -> dict:
        samples = range(SAMPLES)
        return _figures(
            decoding.continue_prompts(source, tokenizer, prompts, samples, settings, seed)
        )

    run(prompts[:2], 0)
    figures = timed(lambda: run(prompts, 1))
    # Only live rows count: the last token of a text is sampled, but never read.
    read = sum(figures.pop("lengths"))
    return {**figures, "of_peak": read * cost / figures["seconds"] / peak}


def _figures(rows: list[dict]) -> dict:
    lengths = [row["n_tokens"] for row in rows]
    return {"amount": len(rows), "tokens": sum(lengths), "lengths": lengths}


def in_one_batch(setup: Setup) -> dict:
    prompts = setup.prompts()
    return _generate(setup, prompts[:1], [prompts])


def by_prompt(setup: Setup) -> dict:
    """Ten of the prompts only: the time per text does not depend on their number."""
    prompts = setup.prompts()[:10]
    return _generate(setup, prompts[:1], [[prompt] for prompt in prompts])


def _generate(setup: Setup, before, batches) -> dict:
    import torch

    model, tokenizer = bench.plain_model(setup.model(), setup.threads)

    def run(batches) -> dict:
        texts = tokens = 0
        for batch in batches:
            ids, mask = bench.left_padded(tokenizer, batch)
            # Shorter prompts are padded with EOS, which they also begin with: only the mask
            # distinguishes the two.
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                top_p=TOP_P,
                top_k=0,
                max_new_tokens=LENGTH,
                num_return_sequences=SAMPLES,
                pad_token_id=tokenizer.eos_token_id,
            )
            new = out[:, ids.shape[1] :]
            texts += len(new)
            tokens += int((new != tokenizer.eos_token_id).sum())
        return {"amount": texts, "tokens": tokens}

    torch.manual_seed(1)
    with torch.inference_mode():
        run([before])
        return timed(lambda: run(batches))


SIDES = {
    "ours": ours,
    "generate, all prompts in one left-padded batch": in_one_batch,
    "generate, a prompt at a time": by_prompt,
}

if __name__ == "__main__":
    bench.main(SIDES)
