"""A change of config, code or data reruns the jobs that depend on it, and no others."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from conftest import DEFAULT, laid_over
from runs import planned
from tiny_dag import ENSEMBLES, GENERATIONS, PAIRS, PLANE_LINES, TINY, with_alphas


@pytest.fixture(scope="module")
def plans(request, finished, workflow_copy, tmp_path_factory) -> Iterator[dict[str, Future]]:
    """Test name -> its dry run. Two run at a time, because a dry run keeps one core busy.

    Each changes a scratch copy, so that they do not disturb each other.
    """
    planners = {
        test_a_change_of_config_reruns_what_depends_on_it.__name__: plan_with_config,
        test_an_edit_of_code_reruns_what_uses_it.__name__: plan_with_code,
        test_a_change_of_data_reruns_what_reads_it.__name__: plan_with_data,
    }
    with ThreadPoolExecutor(2) as pool:
        yield {
            item.name: pool.submit(
                planners[item.originalname],
                finished,
                workflow_copy,
                tmp_path_factory.mktemp("plan"),
                **{key: value for key, value in item.callspec.params.items() if key != "jobs"},
            )
            for item in request.session.items
            if item.module is request.module and item.originalname in planners
        }
        pool.shutdown(cancel_futures=True)


def plan_with_config(finished: Path, code: Path, scratch: Path, change: dict) -> dict[str, int]:
    config = scratch / "changed.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    return planned(finished, configfile=config, root=code)


def plan_with_code(finished: Path, code: Path, scratch: Path, file: str) -> dict[str, int]:
    root = shutil.copytree(code, scratch / "code")
    append(root / "workflow" / "scripts" / file, "\n# an edit\n")
    return planned(finished, root=root)


def plan_with_data(
    finished: Path, code: Path, scratch: Path, file: str, addition: str
) -> dict[str, int]:
    folder = shutil.copytree(finished, scratch / "run", copy_function=os.link)
    append(folder / "inputs" / file, addition)
    return planned(folder, root=code)


def append(file: Path, addition: str) -> None:
    """Replace a file by a longer one; hard links to the old one keep their content."""
    content = file.read_text()
    file.unlink()
    file.write_text(content + addition)


def test_a_finished_folder_has_nothing_to_do(finished, workflow_copy):
    assert planned(finished, root=workflow_copy) == {}


def test_a_copy_at_another_depth_has_nothing_to_do(finished, workflow_copy, tmp_path):
    """What Snakemake compares contains no path of the folder or of the code."""
    folder = shutil.copytree(finished, tmp_path / "a" / "b" / "run")
    assert planned(folder, root=workflow_copy) == {}
    assert planned(folder, root=shutil.copytree(workflow_copy, tmp_path / "c" / "code")) == {}


# Rule -> number of jobs, by the cause that reruns them. `plus` adds several of these.
FIGURES = dict.fromkeys(["fig3", "fig5", "fig6", "fig7", "fig8"], 1)
#: tables and figures of all sweeps but pairs
RESULTS = {"sweep_table": 3, "against": 1, "barriers": 1, "plane_table": 1, **FIGURES}
RESULTS |= {"two_lines_table": 1, "first": 1}
TABLES = {**RESULTS, "examples": 3}
OF_PLANE = {"plane_table": 1, "fig7": 1, "fig8": 1}
G1_TABLES = {"sweep_table": 1, "examples": 1, "fig3": 1, "fig5": 1, **OF_PLANE}
G1_TABLES["two_lines_table"] = 1
WORDS = {"next_words": 4, "next_words_table": 1, "fig4": 1}


def scores(of_lines: int, of_others: int) -> dict[str, int]:
    """Jobs that score sample files: those of g1 and g2 by all scorers, others by two."""
    both = dict.fromkeys(["classify", "perplexity"], of_lines + of_others)
    jobs = {**both, "tag": of_lines, "vader": of_lines}
    return {rule: count for rule, count in jobs.items() if count}


TEXTS = {"generate": GENERATIONS, "ensemble": ENSEMBLES, "generate_line": PLANE_LINES}
TEXTS |= scores(GENERATIONS, ENSEMBLES + PLANE_LINES) | TABLES
READ = {"losses": 4 + 3, "line_losses": 3, "divergence": 2, **WORDS}
MERGES = {"merge": 4 + 3, **READ}
EXPERTS = {"candidate": 4, "select": 2, "training_tables": 1, **MERGES, **TEXTS}
CLASSIFY = {"classify": GENERATIONS + ENSEMBLES + PLANE_LINES}
CALIBRATED = {"calibrate": 1, "test_classifier": 1, **CLASSIFY}
CLASSIFIER = {"train_classifier": 1, "check_scorer": 1, **CALIBRATED}
#: tables and figures with the sentiment scorer; those with a scorer of g1 and g2 alone
SHOWN = {name: n for name, n in RESULTS.items() if name != "barriers"}
LINES = {"sweep_table": 2, "two_lines_table": 1, "fig3": 1, "fig5": 1}

ENSEMBLE = {"ensemble": ENSEMBLES, **scores(0, ENSEMBLES)}
ENSEMBLE |= {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1}

SHOWN_OF_PAIRS = {"pairs_table": 1, "fig10": 1}
TEXTS_OF_PAIRS = {"generate_line": 5, "perplexity": 5, "tag": 5, **SHOWN_OF_PAIRS}
LOSSES_OF_PAIRS = {"line_losses": 5, **SHOWN_OF_PAIRS}
OF_PAIRS = {**TEXTS_OF_PAIRS, **LOSSES_OF_PAIRS}
FIG9 = {"differences": 1, "fig9": 1}
#: schemes take their looks in turn, so those of pairs change with the sweeps before them
LOOKS_OF_PAIRS = {"fig9": 1, "fig10": 1}
TWO_PAIRS = {"generate_line": 2, "line_losses": 2, "perplexity": 2, "tag": 2}
ONE_PAIR = {"generate_line": 1, "line_losses": 1, "perplexity": 1, "tag": 1, **SHOWN_OF_PAIRS}
#: jobs after another expert of films_1, without table 1, which has all experts
FINETUNED = {"candidate": 2, "select": 1, **FIG9, **ONE_PAIR}
#: jobs after a change of the text to pretrain on, again without table 1
PRETRAINED = {"train_tokenizer": 1, "pretrain": 3, "fig11": 1, "pretraining_table": 1}
PRETRAINED |= {"baselines": 2, "permute": 1, "candidate": 2, "select": 1, **FIG9, **OF_PAIRS}
#: without the pair of theta0, which is not pretrained here, if its test text stays the same
NOT_BASE = {"generate_line": 4, "line_losses": 4, "perplexity": 4, "tag": 4}
NOT_BASE |= {"train_tokenizer": 0, "baselines": 0}


def plus(*jobs: dict[str, int]) -> dict[str, int]:
    """Rule -> the sum of its numbers of jobs."""
    return dict(sum(map(Counter, jobs), Counter()))


#: tables of a sweep with seeds; those that list all trainings and all sweeps gain the copies
SEEDS = {"seeds_table": 1, "seeds_barriers": 1, "training_tables": 1, "generation_table": 1}
BOTH = {"prompts": ["neutral", "glad"]}


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        pytest.param(
            with_alphas(g1=[-0.5, 0, 0.5, 0.75, 1]),
            {"merge": 1, "generate": 2, **scores(2, 0), **G1_TABLES}
            | {"losses": 1, "barriers": 1}
            | {"next_words": 1, "next_words_table": 1, "fig4": 1},
            id="one more alpha: its jobs, then tables and figures",
        ),
        pytest.param(
            with_alphas(g1=[0, 0.5, 1]),
            {**G1_TABLES, "next_words_table": 1, "fig4": 1},
            id="one alpha fewer: tables and figures",
        ),
        pytest.param(
            {"sweeps": {"g1": {"samples": 4}}},
            {"generate": 4 * 2, **scores(4 * 2, 0), "generation_table": 1}
            | {"sweep_table": 1, "barriers": 1, "fig3": 1, "fig5": 1},
            id="one more sample of g1: a second sample file per point, tables that count samples",
        ),
        pytest.param(
            {"sweeps": {"g1": {"samples": 6}}},
            {"generate": 4 * 2, **scores(4 * 2, 0), "generation_table": 1}
            | {"sweep_table": 1, "barriers": 1, "fig3": 1, "fig5": 1},
            id="twice as many samples of g1: also one more sample file per point",
        ),
        pytest.param(
            {"classification": {"epochs": 3}},
            {**CLASSIFIER, **SHOWN},
            id="another sentiment scorer: no text is generated again",
        ),
        pytest.param(
            {
                "checkpoints": {
                    "sentiment_judge": {
                        **DEFAULT["checkpoints"]["sentiment_judge"],
                        "classification": {"epochs": 3},
                    }
                }
            },
            {**CLASSIFIER, **SHOWN},
            id="another setting of that classifier alone: no text is generated again",
        ),
        pytest.param(
            {"classification": {"calibration": False}},
            {"test_classifier": 1, **CLASSIFY, **SHOWN},
            id="a classifier that is not calibrated: scores, no training",
        ),
        pytest.param(
            {"attributes": {"sentiment": {"min_auc": 0.6}}},
            {"check_scorer": 1, **CLASSIFY, **SHOWN},
            id="another bound for scorers: the check and what waits for it, no text",
        ),
        pytest.param(
            {"classification": {"epochs": 3}, "generation": {"top_p": 0.8}},
            plus(TEXTS, {"generation_table": 1}, TEXTS_OF_PAIRS)
            | {name: n for name, n in CLASSIFIER.items() if name != "classify"},
            id="another sentiment scorer and another top-p: the check hides no other change",
        ),
        pytest.param(
            {"scorers": {"opinion": {"kind": "vader"}}},
            {"vader": GENERATIONS, **LINES},
            id="one more scorer: only its scores, and tables and figures",
        ),
        pytest.param(
            {"prompts": {"neutral": {"count": 7}}},
            {"prompts": 1, "generate": 7, "ensemble": 4, "generate_line": 3}
            | plus(
                scores(7, 4 + 3),
                {**TABLES, "generation_table": 1},
                {"generate_line": 3},
                dict.fromkeys(["perplexity", "classify"], CLASSIFY["classify"] - 7 - 4 - 3),
                {"unigrams": 1, "corpus": 1, "training_tables": 1},
                {"calibrate": 1, "test_classifier": 1},
                PRETRAINED,
            ),
            id="more prompts in one set: texts of this set, what is trained or calibrated on the"
            " editorials that have no prompts, no expert, no loss of theirs",
        ),
        pytest.param(
            {"generation": {"top_p": 0.8}},
            plus(TEXTS, {"generation_table": 1}, TEXTS_OF_PAIRS),
            id="another top-p: texts, no expert, no loss",
        ),
        pytest.param(
            {"sweeps": {"ensemble": {"schemes": ["ensemble"]}}},
            {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1, **LOOKS_OF_PAIRS},
            id="one kind of ensemble fewer: tables and figures of ensembles",
        ),
        pytest.param(
            {"sweeps": {"ensemble": {"schemes": ["truncated_ensemble"]}}},
            {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1, "divergence": 2}
            | LOOKS_OF_PAIRS,
            id="without the first kind of ensemble: g2 is compared with the other, no text",
        ),
        pytest.param(
            {"sweeps": {"g3": {"points": {axis: [0, 0.5, 1, 1.5] for axis in ("alpha", "beta")}}}},
            {"generate_line": 8, "line_losses": 4, **scores(0, 8), **OF_PLANE},
            id="a larger plane: only its lines",
        ),
        pytest.param(
            {"sweeps": {"g3": {"points": {"beta": [0, 0.5, 1, 1.5]}}}},
            {"generate_line": 2, "line_losses": 1, **scores(0, 2), **OF_PLANE},
            id="one more line of the plane: only this line",
        ),
        pytest.param(
            {"test_texts": 4},
            plus({"losses": 7, "line_losses": 3, "barriers": 1, **OF_PLANE}, LOSSES_OF_PAIRS),
            id="fewer test sentences: losses, no text",
        ),
        pytest.param(
            {"divergence_texts": 2},
            {"divergence": 2, "against": 1, "fig6": 1},
            id="fewer sentences for the divergence of g2 from the ensemble: no text",
        ),
        pytest.param(
            {"barrier_margin": 0.2},
            {"barriers": 1, **SHOWN_OF_PAIRS},
            id="another margin of barriers: tables of barriers",
        ),
        pytest.param(
            {"attributes": {"sentiment": {"next_words": {"words": {"positive": ["superb"]}}}}},
            WORDS,
            id="another list of next words: their probabilities, no text",
        ),
        pytest.param(
            {"statistics": {"confidence": 0.9}},
            {**RESULTS, "test_classifier": 1, **SHOWN_OF_PAIRS},
            id="another confidence: tables and figures, no score",
        ),
        pytest.param(
            {"finetuning": {"learning_rate": [1e-3, 2e-3, 1e-2]}},
            plus(EXPERTS | {"candidate": 2}, FINETUNED | {"candidate": 1}),
            id="one more setting of the grid: its candidates, then all jobs after the experts",
        ),
        pytest.param(
            {"seed": 2},
            plus(
                {"split_sentiment": 1, "prompts": 2, "unigrams": 1, "generation_table": 1},
                {"corpus": 2, "permute": 1, "tagger_reference": 1},
                {**EXPERTS, **CLASSIFIER},
                PRETRAINED,
            ),
            id="another seed: all jobs that draw random numbers, no conversion",
        ),
        pytest.param(
            {"sweeps": {"g3": None}},
            {"generation_table": 1, **LOOKS_OF_PAIRS},
            id="without the plane: only table 3, and the colours of pairs",
        ),
        pytest.param(
            {"sweeps": {"pairs": None}},
            {"generation_table": 1, "training_tables": 1},
            id="without pairs: table 1 loses the expert of films_1",
        ),
        pytest.param(
            with_alphas(pairs=[0, 0.25, 0.5, 1]),
            OF_PAIRS,
            id="one more alpha of pairs: all lines of pairs",
        ),
        pytest.param(
            {
                "schemes": {
                    "again": {"origin": {"papers_1": 1}, "alpha": {"films_2": 1, "papers_1": -1}}
                },
                "sweeps": {"pairs": {"schemes": [*PAIRS, "again"]}},
            },
            FIG9 | ONE_PAIR,
            id="one more pair: its line, no training",
        ),
        pytest.param(
            {
                "sweeps": {"pairs": {"schemes": ["permuted_base"]}},
                "figures": {
                    "fig9": {**DEFAULT["figures"]["fig9"], "schemes": ["permuted_base"]},
                    "fig11": None,
                },
            },
            {**FIG9, **SHOWN_OF_PAIRS, "training_tables": 1},
            id="only the pair that is not pretrained: tables and figures",
        ),
        pytest.param(
            {"pretraining": {"weight_decay": 0.1}},
            {**PRETRAINED, **NOT_BASE, "training_tables": 1},
            id="another weight decay: pretrained models and their pairs",
        ),
        pytest.param(
            {"pretraining": {"sample_prompt": "A film", "states_kept": 1}},
            {},
            id="the prompt of samples and the number of saved states change nothing",
        ),
        pytest.param(
            {"sweeps": {"g2": None, "ensemble": None}},
            {**OF_PLANE, "generation_table": 1, **LOOKS_OF_PAIRS},
            id="without g2 and ensembles: no figures 5 and 6, fewer overlays",
        ),
        pytest.param(
            {"sweeps": {"ensemble": BOTH, "g2": BOTH}},
            {"generate": 3, "ensemble": 4, "generate_line": 2, "line_losses": 1}
            | {**scores(3, 4 + 2), "generation_table": 1}
            | {"sweep_table": 2, "examples": 2, "against": 1, "fig5": 1, "fig6": 1, **OF_PLANE}
            | {"two_lines_table": 1},
            id="g2 and ensembles with one more set of prompts: its texts, and the line of the plane"
            " that takes theta0 from g2 now",
        ),
        pytest.param(
            {"sweeps": {"g1": {"seeds": [2]}}},
            # The loss of a point beyond the experts is read by the plane alone.
            {"candidate": 4, "select": 2, "merge": 4, "generate": 8, **scores(8, 0), "losses": 3}
            | {"sweep_table": 1, "examples": 1, "barriers": 1, **SEEDS},
            id="another seed of g1: jobs of the copies, tables of seeds and of all trainings",
        ),
        pytest.param(
            {"save_minutes": 1}, {}, id="how often the training state is saved changes nothing"
        ),
        pytest.param(
            {"keep_merged": False}, {}, id="whether merged models are kept changes nothing"
        ),
    ],
)
def test_a_change_of_config_reruns_what_depends_on_it(plans, request, change, jobs):
    assert plans[request.node.name].result() == plus(jobs)


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("paramlerp/lm/decoding.py", plus(TEXTS, TEXTS_OF_PAIRS)),
        ("paramlerp/measure/metrics.py", {**RESULTS, **SHOWN_OF_PAIRS}),
        (
            "paramlerp/drawing/style.py",
            {**FIGURES, "fig4": 1, "fig9": 1, "fig10": 1, "fig11": 1},
        ),
        ("paramlerp/training/pretraining.py", {**PRETRAINED, **NOT_BASE, "training_tables": 1}),
        ("paramlerp/weights/permutation.py", {"permute": 2, **FIG9, **ONE_PAIR, **TWO_PAIRS}),
        (
            "paramlerp/weights/merging.py",
            {
                **MERGES,
                "generate": GENERATIONS,
                "generate_line": PLANE_LINES,
                **TABLES,
                "sweep_table": 2,
                "examples": 2,
            }
            | plus(
                scores(GENERATIONS, PLANE_LINES),
                OF_PAIRS,
                {"generate_line": PLANE_LINES, "line_losses": 3},
            ),
        ),
        (
            "paramlerp/lm/lines.py",
            plus(
                {
                    "generate_line": PLANE_LINES,
                    **scores(0, PLANE_LINES),
                    "line_losses": 3,
                    **OF_PLANE,
                },
                OF_PAIRS,
            ),
        ),
        (
            "texts/generate_line.py",
            plus(
                {"generate_line": PLANE_LINES, **scores(0, PLANE_LINES), **OF_PLANE}, TEXTS_OF_PAIRS
            ),
        ),
        ("scores/line_losses.py", plus({"line_losses": 3, **OF_PLANE}, LOSSES_OF_PAIRS)),
        ("paramlerp/training/loop.py", plus({**EXPERTS, **CLASSIFIER}, FINETUNED)),
        ("paramlerp/plan/overview.py", {}),
        ("paramlerp/lm/prefix_cache.py", plus({**TEXTS, **WORDS}, TEXTS_OF_PAIRS)),
        ("scores/vader.py", {"vader": GENERATIONS, **LINES}),
        ("checkpoints/calibrate.py", {**CALIBRATED, **SHOWN}),
        ("texts/ensemble.py", ENSEMBLE),
        ("figures/line.py", {"fig3": 1}),
        ("figures/pairs.py", {"fig10": 1}),
    ],
)
def test_an_edit_of_code_reruns_what_uses_it(plans, request, file, jobs):
    """Of library modules and of scripts: an edit of the decoder reruns texts, but no expert."""
    assert plans[request.node.name].result() == plus(jobs)


@pytest.mark.parametrize(
    ("file", "addition", "jobs"),
    [
        (
            "reviews.jsonl",
            '{"text": "this film is a joy", "label": 1}\n',
            plus(
                {"split_sentiment": 1, "unigrams": 1, "corpus": 1, "tagger_reference": 1},
                {**EXPERTS, **CLASSIFIER},
                # Four of the five pairs: theta0 and its copy are not trained on films.
                {**PRETRAINED, "generate_line": 4, "tag": 4},
            ),
        ),
        (
            "editorials.txt",
            "99\t0.0\tOne more editorial of seven words.\n",
            plus(
                {
                    "prompts": 2,
                    "generation_table": 1,
                    "unigrams": 1,
                    "calibrate": 1,
                    "test_classifier": 1,
                    "corpus": 1,
                    "training_tables": 1,
                },
                TEXTS,
                PRETRAINED,
            ),
        ),
        ("reviews.jsonl", "", {}),
    ],
)
def test_a_change_of_data_reruns_what_reads_it(plans, request, file, addition, jobs):
    """Reviews change the experts, editorials change the prompts; a new mtime changes nothing."""
    assert plans[request.node.name].result() == plus(jobs)
