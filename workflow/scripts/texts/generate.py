"""Continue every prompt with one model, a JSON line a text."""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import decoding, models


def main(
    model_dir: str, prompts: list[dict], samples: list[int], how: dict, seed: int
) -> list[dict]:
    model, tokenizer = models.load_causal_lm(model_dir)
    progress = Progress(len(prompts) * len(samples), "texts")
    source = decoding.ModelLogits(model)
    return decoding.continue_prompts(source, tokenizer, prompts, samples, how, seed, progress)


if __name__ == "__main__":
    with job(snakemake):
        rows = main(
            snakemake.input.model,
            files.read_jsonl(snakemake.input.prompts),
            snakemake.params.samples,
            snakemake.params.generation,
            snakemake.params.seed,
        )
        files.write_jsonl(snakemake.output.texts, rows)
