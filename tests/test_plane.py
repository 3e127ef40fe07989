"""The plane of g3: lines merged in memory, broken points, and barriers along a line."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import ROOT, SCHEMES, save, tiny, tiny_encoder
from paramlerp.jobs import files
from paramlerp.jobs.errors import NotFiniteError
from paramlerp.lm import lines, models, text_losses
from paramlerp.measure.barriers import above_ends, excess
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.samples import SampleFiles
from paramlerp.weights import checkpoints, merging
from scores import classify, line_losses, perplexity
from tables import barriers, plane_table
from test_figures import planes
from texts import generate_line

G3 = SCHEMES["g3"]
LOSSES = ["alpha", "text", "text_id", "document", "nll", "n_tokens"]
PROMPTS = [{"prompt_id": i, "prompt": p} for i, p in enumerate(["the film", "a story is"])]
SAMPLES = [0, 1, 2]
SETTINGS = {"max_new_tokens": 6, "top_p": 0.9, "max_rows": 8}
TESTS = {
    "positive": [{"document": "1/1", "text": "the film is superb"}],
    "negative": [{"document": "1/2", "text": text} for text in ("a story is awful", "the script")],
}
BOOTSTRAP = Bootstrap(resamples=100, confidence=0.95, seed=1)
KINDS = {"sentiment": "classifier", "perplexity": "perplexity"}


def measure_line(trio, beta, alphas):
    """Texts and losses of the points of a line, as its two jobs write them."""
    log = logging.getLogger("test")
    points = {}
    for alpha in alphas:
        coefficients = G3.coefficients(alpha, beta)
        points[alpha] = {name: f"{c:f}" for name, c in coefficients.items()}
    texts = generate_line.main(trio, "alpha", points, PROMPTS, SAMPLES, SETTINGS, 1, log)
    return texts, line_losses.main(trio, "alpha", points, TESTS, 64, log)


def plane_tables(folder: Path, values: list[str]):
    """Both tables of a plane of one line, from the line's files in a folder."""
    paths = SampleFiles(
        texts=[folder / "texts.jsonl"],
        scores={name: [folder / f"{name}.csv"] for name in KINDS},
        losses=folder / "losses.csv",
    )
    return plane_table.main(
        scheme="g3",
        axes=["alpha", "beta"],
        lattice=[{"alpha": value, "beta": "0.000"} for value in values],
        lines=[({"prompts": "neutral", "beta": "0.000"}, values, paths)],
        overlays=[],
        kinds=KINDS,
        test_sets=["positive", "negative"],
        n_samples=3,
        bootstrap=BOOTSTRAP,
    )


def write_line(folder: Path, texts: list[dict], losses: list[dict], counts: list[int]) -> None:
    """Write the files of a line, with made-up scores; `counts` is the tokens of each text."""
    files.write_jsonl(folder / "texts.jsonl", texts)
    files.write_frame(folder / "losses.csv", pd.DataFrame(losses, columns=LOSSES))
    keys = pd.DataFrame(texts)[["prompt_id", "sample_id"]]
    scores = {
        "sentiment": keys.assign(score=0.5, target=0.5),
        "perplexity": keys.assign(nll=np.multiply(counts, 2.0), unigram_nll=1.0, n_tokens=counts),
    }
    for name, frame in scores.items():
        files.write_frame(folder / f"{name}.csv", frame)


@pytest.mark.parametrize("point", [("0.3", "-1.2"), ("1", "0"), ("2", "2")])
def test_a_merge_in_memory_has_the_same_bits_as_on_disk(trio, tmp_path, point):
    coefficients = G3.coefficients(*point)
    merging.write_merged("g3", "x", coefficients, trio, tmp_path / "m")
    on_disk, _ = models.load_causal_lm(tmp_path / "m", train=True)
    model, _ = models.load_causal_lm(trio["base"], train=True)
    merger = merging.Merger(trio)
    lines.merge_into(model, merger, G3.coefficients("7", "-3"))
    # A second merge into the same model keeps nothing of the first.
    lines.merge_into(model, merger, coefficients)
    for (name, a), b in zip(model.state_dict().items(), on_disk.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_a_merge_in_memory_computes_the_same_logits_as_on_disk(trio, tmp_path):
    """Models for inference pack their matrices; biases, transposed and tied matrices included."""
    coefficients = G3.coefficients("0.3", "-1.2")
    merging.write_merged("g3", "x", coefficients, trio, tmp_path / "m")
    plain, _ = models.load_causal_lm(tmp_path / "m", train=True)
    on_disk, _ = models.load_causal_lm(tmp_path / "m")
    model, _ = models.load_causal_lm(trio["base"])
    lines.merge_into(model, merging.Merger(trio), coefficients)
    ids = torch.arange(1, 21).view(2, 10)
    with torch.inference_mode():
        a, b, c = (m(ids).logits for m in (plain, on_disk, model))
    assert torch.equal(b, c)
    assert torch.allclose(a, b, atol=1e-4)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_mapped_checkpoints_do_not_stay_in_memory(trio, tmp_path):
    """A line keeps one model in memory and no page of the files that it merges."""
    trio = {name: shutil.copytree(folder, tmp_path / name) for name, folder in trio.items()}
    model, _ = models.load_causal_lm(trio["base"])
    merger = merging.Merger(trio)
    lines.merge_into(model, merger, G3.coefficients("0.5", "0.3"))
    resident, mapped = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            mapped = any(str(trio[name]) in line for name in ("positive", "negative"))
        elif mapped and first == "Rss:":
            resident += int(line.split()[1])
    assert resident == 0
    assert np.isfinite(merger.first.tensors[next(iter(merger.first.tensors))].data).all()


def test_a_line_gives_the_same_as_its_models_one_by_one(trio, tmp_path):
    texts, losses = measure_line(trio, "0.500", ["0.000", "0.500"])
    assert [r["alpha"] for r in texts] == ["0.000"] * 6 + ["0.500"] * 6
    from texts import generate

    for alpha in ("0.000", "0.500"):
        folder = tmp_path / alpha
        coefficients = G3.coefficients(alpha, "0.500")
        merging.write_merged("g3", "x", coefficients, trio, folder)
        alone = generate.main(folder, PROMPTS, SAMPLES, SETTINGS, 1)
        assert [r for r in texts if r["alpha"] == alpha] == [{"alpha": alpha, **r} for r in alone]
        model, tokenizer = models.load_causal_lm(folder)
        rows = text_losses.measure_losses(model, tokenizer, TESTS, 64)
        assert [r for r in losses if r["alpha"] == alpha] == [{"alpha": alpha, **r} for r in rows]


@pytest.fixture
def broken(trio, tmp_path):
    """Tables of one line: a sound point, one whose texts are all empty, and one that overflows."""
    far = "9" * 15
    texts, losses = measure_line(trio, "0.000", ["0.000", "1.000", far])
    assert {r["alpha"] for r in texts} == {"0.000", "1.000"}, "a point that overflows has no texts"
    texts = [{**r, "text": "", "n_tokens": 0} if r["alpha"] == "1.000" else r for r in texts]
    write_line(tmp_path, texts, losses, [3 * (r["alpha"] == "0.000") for r in texts])
    table, strip = plane_tables(tmp_path, ["0.000", "1.000", far])
    files.write_frame(tmp_path / "g3.csv", table)
    return pd.read_csv(tmp_path / "g3.csv"), strip


def test_the_table_names_the_state_of_each_point(broken):
    table, strip = broken
    assert table["state"].tolist() == ["ok", "empty", "overflow"]
    assert table["n_texts"].tolist() == [6, 6, 0] and table["n_empty"].tolist() == [0, 6, 0]
    assert table["perplexity"].notna().tolist() == [True, False, False]
    assert table["loss_positive"].notna().tolist() == [True, True, False]
    assert strip["sum"].tolist() == ["0.000"], "only sound points enter the means"


def test_the_figures_mark_broken_points(broken):
    """The one line is repeated at three values of beta: a figure needs more than one line."""
    table, _ = broken
    table["alpha"] = [-1.0, 0.0, 1.0]
    table = pd.concat([table.assign(beta=beta) for beta in (-1.0, 0.0, 1.0)])
    for figure in planes(table):
        marks = [t.get_text() for t in figure.axes[0].texts]
        assert marks.count("×") == 3 and marks.count("∅") == 3
        assert "overflow" in figure.get_supxlabel() and "empty" in figure.get_supxlabel()


def test_a_line_whose_points_all_overflow_passes_every_job(trio, tokenizer, tmp_path):
    """Without texts or scores no job fails, and the table marks the points."""
    texts, losses = measure_line(trio, "0.000", ["9" * 15])
    assert texts == [] and losses == []
    files.write_jsonl(tmp_path / "texts.jsonl", texts)
    files.write_rows(tmp_path / "losses.csv", losses, LOSSES)
    encoder = tiny_encoder(tokenizer, tmp_path / "encoder")
    labels = {"labels": ["LABEL_0", "LABEL_1"], "values": [0, 1], "max_tokens": 32}
    scores = classify.main(texts, encoder, labels, logging.getLogger("test"))
    files.write_scores(tmp_path / "sentiment.csv", texts, **scores)
    scores = perplexity.main(texts, trio["base"], np.zeros(len(tokenizer)))
    files.write_scores(tmp_path / "perplexity.csv", texts, **scores)
    table, strip = plane_tables(tmp_path, ["9" * 15])
    assert table["state"].tolist() == ["overflow"] and strip.empty


def test_a_point_whose_losses_overflow_counts_as_broken(trio, tmp_path, monkeypatch):
    """Its texts, which another job wrote, do not count either.

    Otherwise figure 7 would show a point for which figure 8 has no value and no mark.
    """
    measure_losses = text_losses.measure_losses

    def fails_once(*args):
        monkeypatch.setattr(text_losses, "measure_losses", measure_losses)
        raise NotFiniteError("the model's losses hold NaN or Inf")

    monkeypatch.setattr(text_losses, "measure_losses", fails_once)
    texts, losses = measure_line(trio, "0.000", ["0.500", "1.000"])
    assert {r["alpha"] for r in losses} == {"1.000"}
    assert {r["alpha"] for r in texts} == {"0.500", "1.000"}
    write_line(tmp_path, texts, losses, [3] * len(texts))
    table, _ = plane_tables(tmp_path, ["0.500", "1.000"])
    assert table["state"].tolist() == ["overflow", "ok"]
    assert table["n_texts"].tolist() == [0, 6]
    for metric in ("sentiment", "perplexity", "loss_positive", "loss_negative"):
        assert table[metric].notna().tolist() == [False, True]


def test_a_point_that_another_sweep_measures_is_taken_from_there(trio, tmp_path):
    """The table is the same as if the plane had made its texts, cut to the plane's samples."""
    values = ["0.500", "1.000"]
    texts, losses = measure_line(trio, "0.000", values)
    write_line(tmp_path, texts, losses, [3] * len(texts))
    whole, sums = plane_tables(tmp_path, values)
    parts = []
    for value in values:
        part = tmp_path / value
        of_point = [[row for row in rows if row["alpha"] == value] for rows in (texts, losses)]
        write_line(part, *of_point, [3] * len(of_point[0]))
        parts.append(
            SampleFiles(
                texts=[part / "texts.jsonl"],
                scores={name: [part / f"{name}.csv"] for name in KINDS},
                losses=part / "losses.csv",
            )
        )
    own, other = parts
    place = {"scheme": "g2", "prompts": "neutral", "alpha": "1.000", "beta": "0.000"}
    table, sums_again = plane_table.main(
        scheme="g3",
        axes=["alpha", "beta"],
        lattice=[{"alpha": value, "beta": "0.000"} for value in values],
        lines=[({"prompts": "neutral", "beta": "0.000"}, ["0.500"], own)],
        overlays=[(place, other)],
        kinds=KINDS,
        test_sets=["positive", "negative"],
        n_samples=3,
        bootstrap=BOOTSTRAP,
    )
    assert table["kind"].tolist() == ["lattice", "lattice", "overlay"]
    pd.testing.assert_frame_equal(table[:2], whole)
    pd.testing.assert_frame_equal(sums_again, sums)


MEMORY = """
import sys, threading, time, logging
from pathlib import Path
from texts import generate_line
from scores import line_losses
from paramlerp.lm import models
from paramlerp.weights import schemes

def private_mb():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    # Only anonymous pages count: the system drops and reloads pages of mapped files at will.
    return sum(int(l.split()[1]) for l in lines if l.startswith("Anonymous:")) / 1024

trio = dict(zip(("base", "positive", "negative"), sys.argv[2:]))
models.load_causal_lm(trio["base"])  # imports the modules, so that they are not counted
peak, start, done = [0.0], private_mb(), threading.Event()

def watch():
    while not done.is_set():
        peak[0] = max(peak[0], private_mb())
        time.sleep(0.002)

thread = threading.Thread(target=watch, daemon=True)  # so that an error ends the process
thread.start()
alphas = [f"{i / 8:.3f}" for i in range(int(sys.argv[1]))]
directions = {"alpha": {"positive": 1, "base": -1}, "beta": {"negative": 1, "base": -1}}
g3 = schemes.linear("g3", {"origin": {"base": 1}, **directions}, trio)
points = {alpha: g3.coefficients(alpha, "0.500") for alpha in alphas}
settings = {"max_new_tokens": 4, "top_p": 0.9, "max_rows": 4}
prompts = [{"prompt_id": 0, "prompt": "the film"}]
generate_line.main(trio, "alpha", points, prompts, [0, 1], settings, 1, logging.getLogger())
tests = {"positive": [{"text": "a joy to watch", "document": "1"}]}
line_losses.main(trio, "alpha", points, tests, 64, logging.getLogger())
done.set()
thread.join()
print(peak[0] - start)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_the_memory_of_a_line_does_not_grow_with_its_points(tokenizer, tmp_path):
    """Private memory of a process that runs both jobs of a line, of two points and of twelve."""
    sizes = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 4}
    folders = [
        save(tiny("llama", tokenizer, i, **sizes), tokenizer, tmp_path / str(i)) for i in range(3)
    ]
    size = (folders[0] / checkpoints.WEIGHTS).stat().st_size / 2**20

    def peak(points: int) -> float:
        paths = str(ROOT / "workflow" / "scripts")
        run = subprocess.run(
            [sys.executable, "-c", MEMORY, str(points), *map(str, folders)],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        return float(run.stdout)

    assert size > 50
    few, many = peak(2), peak(12)
    # Loading needs the weights twice for a moment: as read, and packed.
    assert few > size / 2 and many < 2.5 * size and many < few + size, (size, few, many)


def test_barriers_by_hand():
    """With ends at 1 and 3, their mean and the straight line's value at 1/2 are both 2."""
    alphas, values = np.array([0, 0.25, 0.5, 1]), np.array([1.0, 2.0, 2.25, 3.0])
    barrier = excess(alphas, values)
    assert barrier["frankle"].max() == pytest.approx(1.0), (
        "half the difference of the ends counts as a barrier"
    )
    assert barrier["entezari"].tolist() == pytest.approx([0, 0.5, 0.25, 0])


def test_how_far_a_line_is_above_its_ends_by_hand():
    """Two documents that differ by the same amount everywhere: paired differences do not vary."""
    weights = BOOTSTRAP.weights(2)
    line = {
        value: BOOTSTRAP.estimate(weights @ [height, height + 3] / 2)
        for value, height in (("-1.000", 9), ("0.000", 1), ("0.500", 4), ("1.000", 2))
    }
    rows = above_ends({"scale": "linear"}, line, "alpha", BOOTSTRAP)
    assert [row["alpha"] for row, _ in rows] == list(line)
    for (row, _), expected in zip(rows, (7.5, -0.5, 2.5, 0.5), strict=True):
        assert [row["difference"], row["low"], row["high"]] == pytest.approx([expected] * 3)
    line = {value: BOOTSTRAP.combine(np.exp, [estimate]) for value, estimate in line.items()}
    (_, (row, _), *_) = above_ends({"scale": "ln"}, line, "alpha", BOOTSTRAP)
    assert row["difference"] == pytest.approx(-0.5), "of ln"
    del line["1.000"]
    assert above_ends({"scale": "ln"}, line, "alpha", BOOTSTRAP) == [], "an end is missing"


def test_a_flat_line_has_no_barrier_and_a_hump_has_one(tmp_path):
    random = np.random.default_rng(0)
    easy = random.uniform(20, 40, 60)
    for name, middle in (("flat", 0.0), ("hump", 0.5)):
        paths = []
        for index, rise in enumerate((0, middle, 0)):
            rows = pd.DataFrame({"text": ["positive", "negative"] * 30, "text_id": range(60)})
            rows = rows.assign(nll=easy + 10 * rise, n_tokens=10)
            files.write_frame(tmp_path / f"{name}{index}.csv", rows)
            scores = rows.assign(prompt_id=np.arange(60) // 4, sample_id=np.arange(60) % 4)
            files.write_frame(tmp_path / f"{name}{index}-scores.csv", scores)
            paths.append(tmp_path / f"{name}{index}.csv")
        score_paths = [path.with_name(f"{path.stem}-scores.csv") for path in paths]
        alphas = ["0.000", "0.500", "1.000"]
        scores = {("perplexity", "neutral"): [[path] for path in score_paths]}
        table = barriers.main(alphas, paths, scores, BOOTSTRAP, 0.1)
        assert table["quantity"].tolist() == [
            q for q in ("loss_positive", "loss_negative", "log_perplexity") for _ in range(2)
        ]
        assert table["definition"].tolist() == ["frankle", "entezari"] * 3
        assert table["barrier"].to_numpy() == pytest.approx(middle), name
        assert (table["low"] <= table["barrier"] + 1e-12).all()
        assert (table["within_margin"] == (name == "flat")).all()
        assert (table["at"] == ("0.500" if middle else "0.000")).all()
