"""Continuations of the default run's prompts by three models' logits, or by one model.

The paper's "no overhead": a merged model costs as much as a single one, an ensemble as much
as all its members together. Nucleus sampling at .9, up to 30 tokens, one core; alpha is 1/2.
"""

import bench
from bench import Setup, timed

UNIT = "texts"
OURS = "ensemble, ours"
SAMPLES, LENGTH, TOP_P = 1, 30, 0.9
COEFFICIENTS = {"base": 1.0, "positive": 0.5, "negative": -0.5}


def _directories(setup: Setup):
    return [setup.checkpoint(name) for name in COEFFICIENTS]


def _ours(setup: Setup, directories, coefficients) -> dict:
    from paramlerp.lm import decoding

    loaded = [bench.our_model(d, setup.threads) for d in directories]
    source = decoding.EnsembleLogits([decoding.ModelLogits(m) for m, _ in loaded], coefficients)
    settings = {"max_new_tokens": LENGTH, "top_p": TOP_P, "max_rows": 256}
    prompts, tokenizer, samples = setup.prompts(), loaded[0][1], range(SAMPLES)
    decoding.continue_prompts(source, tokenizer, prompts[:2], samples, settings, 0)

    def work() -> dict:
        rows = decoding.continue_prompts(source, tokenizer, prompts, samples, settings, 1)
        return {"amount": len(rows), "tokens": sum(row["n_tokens"] for row in rows)}

    return timed(work)


def ours(setup: Setup) -> dict:
    return _ours(setup, _directories(setup), list(COEFFICIENTS.values()))


def merged(setup: Setup) -> dict:
    return _ours(setup, [setup.model("g2/alpha=0.500")], [1.0])


def single(setup: Setup) -> dict:
    return _ours(setup, [setup.checkpoint("base")], [1.0])


def loop(setup: Setup) -> dict:
    """The obvious loop: three forward passes per step, and no row is dropped before the end."""
    import torch
    from transformers import DynamicCache

    loaded = [bench.plain_model(d, setup.threads) for d in _directories(setup)]
    tokenizer = loaded[0][1]
    prompts = setup.prompts()

    def run(prompts, length: int) -> dict:
        ids, mask = bench.left_padded(tokenizer, prompts)
        caches = [DynamicCache() for _ in loaded]
        ended = torch.zeros(len(ids), dtype=torch.bool)
        new = ids
        tokens = 0
        for _ in range(length):
            z = 0
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -new.shape[1] :]
            for (model, _), c, cache in zip(loaded, COEFFICIENTS.values(), caches, strict=True):
                out = model(
                    input_ids=new,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                z = z + c * out.logits[:, -1]
            p, order = z.softmax(-1).sort(-1, descending=True)
            p[p.cumsum(-1) - p > TOP_P] = 0
            drawn = torch.multinomial(p / p.sum(-1, keepdim=True), 1)
            new = order.gather(-1, drawn)
            ended |= new[:, 0] == tokenizer.eos_token_id
            tokens += int((~ended).sum())
            if ended.all():
                break
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], -1)
        return {"amount": len(ids), "tokens": tokens}

    torch.manual_seed(1)
    with torch.inference_mode():
        run(prompts[:2], 2)
        return timed(lambda: run(prompts, LENGTH))


SIDES = {
    "ensemble, ours": ours,
    "ensemble, plain loop of three forward passes": loop,
    "g2(0.5), one merged model": merged,
    "theta0, one model": single,
}

if __name__ == "__main__":
    bench.main(SIDES)
