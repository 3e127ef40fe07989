"""Continuations of the default run's prompts at one point: texts a second.

Nucleus sampling at .9, up to 30 tokens, 4 samples of each prompt, one core. At g1(0.5)
most texts end before their 30 tokens are used up, at g2(0.5) hardly any does.
"""

import bench
from bench import Given, timed

UNIT = "texts"
OURS = "ours"
CASES = ["g1/alpha=0.500", "g2/alpha=0.500"]
SAMPLES, LENGTH, TOP_P = 4, 30, 0.9


def ours(given: Given) -> dict:
    from paramlerp.lm import decoding

    model, tokenizer = bench.our_model(given.model(), given.threads)
    how = {"max_new_tokens": LENGTH, "top_p": TOP_P, "max_rows": 256}
    source, prompts = decoding.ModelLogits(model), given.prompts()
    cost, peak = bench.flops_per_token(model), bench.peak_flops()

    def run(prompts: list[dict], seed: int) -> dict:
        samples = range(SAMPLES)
        return _told(decoding.continue_prompts(source, tokenizer, prompts, samples, how, seed))

    run(prompts[:2], 0)
    found = timed(lambda: run(prompts, 1))
    # Of live rows: a text's last token is drawn, and never read.
    read = sum(found.pop("lengths"))
    return {**found, "of_peak": read * cost / found["seconds"] / peak}


def _told(rows: list[dict]) -> dict:
    lengths = [row["n_tokens"] for row in rows]
    return {"amount": len(rows), "tokens": sum(lengths), "lengths": lengths}


def in_one_batch(given: Given) -> dict:
    prompts = given.prompts()
    return _generate(given, prompts[:1], [prompts])


def by_prompt(given: Given) -> dict:
    """A few of the prompts: a text takes as long whatever their number."""
    prompts = given.prompts()[:10]
    return _generate(given, prompts[:1], [[prompt] for prompt in prompts])


def _generate(given: Given, before, batches) -> dict:
    import torch

    model, tokenizer = bench.plain_model(given.model(), given.threads)

    def run(batches) -> dict:
        texts = tokens = 0
        for batch in batches:
            ids, mask = bench.left_padded(tokenizer, batch)
            # A prompt of one token fewer begins with EOS as pad; the mask tells them apart.
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
