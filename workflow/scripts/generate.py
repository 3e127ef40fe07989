"""Continue every prompt with one model, a JSON line a text."""

import numpy as np

from paramlerp import decoding, files, models
from paramlerp.runtime import Progress, job


def main(model_dir: str, prompts: list[dict], how: dict, seed: int) -> list[dict]:
    model, tokenizer = models.load_causal_lm(model_dir)
    ids = [models.encode(tokenizer, p["prompt"]) for p in prompts]
    samples, length = how["samples"], how["max_new_tokens"]
    streams = np.array(
        [
            [decoding.uniforms(seed, p["prompt"], sample, length) for sample in range(samples)]
            for p in prompts
        ]
    )
    texts = decoding.generate(
        decoding.ModelLogits(model),
        ids,
        streams,
        top_p=how["top_p"],
        eos=tokenizer.eos_token_id,
        max_rows=how["max_rows"],
        said=Progress(len(prompts) * samples, "texts"),
    )
    return [
        {
            "prompt_id": prompt["prompt_id"],
            "sample_id": sample,
            "prompt": prompt["prompt"],
            "text": decoding.text_of(tokenizer, own, text.ids),
            "n_tokens": len(text.ids),
            "ended": text.ended,
        }
        for prompt, own, row in zip(prompts, ids, texts, strict=True)
        for sample, text in enumerate(row)
    ]


if __name__ == "__main__":
    with job(snakemake):
        rows = main(
            snakemake.input.model,
            files.read_jsonl(snakemake.input.prompts),
            snakemake.params.generation,
            snakemake.params.seed,
        )
        files.write_jsonl(snakemake.output.texts, rows)
