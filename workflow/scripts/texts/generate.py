"""Continue every prompt with one model: one JSON line per text."""

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import decoding, models


def main(
    model_dir: str, prompts: list[dict], samples: list[int], settings: dict, seed: int
) -> list[dict]:
    """The rows of a sample file, as `decoding.continue_prompts` returns them."""
    model, tokenizer = models.load_causal_lm(model_dir)
    source = decoding.ModelLogits(model)
    progress = Progress(len(prompts) * len(samples), "texts")
    return decoding.continue_prompts(source, tokenizer, prompts, samples, settings, seed, progress)


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
