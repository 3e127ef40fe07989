"""The DAG of tests/tiny.yaml: its points, its files, the number of its jobs."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from conftest import DEFAULT, ROOT
from paramlerp.lm import decoding, models, sampling, tokenization

ALPHAS = ["-0.500", "0.000", "0.500", "1.000"]
#: texts are made by one model at each alpha of g1 for two prompt sets, and at three of g2 for one
GENERATIONS = 4 * 2 + 3
#: by ensembles, truncated and not, at two alphas
ENSEMBLES = 2 * 2
#: and by each of three rows of the lattice for two prompt sets
PLANE_LINES = 3 * 2
#: jobs of the whole tiny DAG
JOBS = 177
#: all samples of g1, g2 and ensembles are in one file, and those of lattice and pairs in another
SAMPLES, FEWER = "samples=0-2", "samples=0-1"


PAIRS = DEFAULT["sweeps"]["pairs"]["schemes"]

TINY = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())


POINTS = [("0.000", "0.000"), ("0.000", "1.000"), ("0.500", "0.500"), ("1.000", "0.000")]


def texts(done, scheme, alpha):
    """The file of all texts that continue neutral prompts at a point."""
    return done / f"results/generations/neutral/{scheme}/alpha={alpha}/{SAMPLES}.jsonl"


def table(done, name):
    return pd.read_csv(done / "results" / "tables" / f"{name}.csv", dtype={"alpha": str})


def texts_of(folder: Path, rows: list[dict]) -> list[str]:
    """What the model in a folder writes for the prompts of `rows`."""
    model, own = models.load_causal_lm(folder)
    prompts = list(dict.fromkeys(r["prompt"] for r in rows))
    ids = [tokenization.encode(own, p) for p in prompts]
    streams = np.array([[sampling.uniforms(1, p, s, 8) for s in range(3)] for p in prompts])
    source = decoding.ModelLogits(model)
    found = decoding.generate(source, ids, streams, top_p=0.9, eos=own.eos_token_id, max_rows=16)
    return [
        decoding.decode_continuation(own, p, t.ids)
        for p, row in zip(ids, found, strict=True)
        for t in row
    ]


def at(**points: list[float]) -> dict:
    """A change of config: sweeps along alpha at other points."""
    return {"sweeps": {name: {"points": {"alpha": own}} for name, own in points.items()}}
