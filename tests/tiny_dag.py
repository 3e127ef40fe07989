"""The DAG of tests/tiny.yaml: its points, file names and numbers of jobs."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from conftest import DEFAULT, ROOT
from paramlerp.lm import decoding, models, sampling, tokenization

ALPHAS = ["-0.500", "0.000", "0.500", "1.000"]
#: jobs of the rule generate: four points of g1 with two sets of prompts, three of g2 with one
GENERATIONS = 4 * 2 + 3
#: jobs of the rule ensemble: two schemes, each at two points
ENSEMBLES = 2 * 2
#: jobs of the rule generate_line on the plane: three lines with two sets of prompts
PLANE_LINES = 3 * 2
#: jobs of the complete DAG
JOBS = 185
#: ranges of samples: three samples for g1, g2 and the ensembles, two for the plane and the pairs
SAMPLES, FEWER = "samples=0-2", "samples=0-1"
PAIRS = DEFAULT["sweeps"]["pairs"]["schemes"]
TINY = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
#: points of the plane that are also points of g1 or g2: theta0, theta-, the middle, theta+
POINTS = [("0.000", "0.000"), ("0.000", "1.000"), ("0.500", "0.500"), ("1.000", "0.000")]


def texts(finished: Path, scheme: str, alpha: str) -> Path:
    """The sample file of a point with the neutral prompts."""
    return finished / f"results/generations/neutral/{scheme}/alpha={alpha}/{SAMPLES}.jsonl"


def table(finished: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(finished / "results" / "tables" / f"{name}.csv", dtype={"alpha": str})


def continuations_by(checkpoint: Path, rows: list[dict]) -> list[str]:
    """Three continuations of each prompt by a checkpoint, sampled with a run's random numbers."""
    model, tokenizer = models.load_causal_lm(checkpoint)
    prompts = list(dict.fromkeys(r["prompt"] for r in rows))
    ids = [tokenization.encode(tokenizer, p) for p in prompts]
    keys = np.array([[sampling.stream_key(1, p, s) for s in range(3)] for p in prompts])
    source, ends = decoding.ModelLogits(model), {tokenizer.eos_token_id}
    texts = decoding.generate(
        source, ids, keys, max_new_tokens=8, top_p=0.9, ends=ends, max_rows=16
    )
    return [
        decoding.decode_continuation(tokenizer, prompt, text.ids)
        for prompt, samples in zip(ids, texts, strict=True)
        for text in samples
    ]


def with_alphas(**alphas: list[float]) -> dict:
    """A change of the config: other values of alpha for these sweeps."""
    return {"sweeps": {name: {"points": {"alpha": values}} for name, values in alphas.items()}}
